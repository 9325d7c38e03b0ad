import functools
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import cli
from dcgan_jax.pictures import grid
from dcgan_jax.system import memory
from dcgan_jax.visualize import __main__ as visualize, film

main = functools.partial(cli.run_command, commands=visualize.COMMANDS)
main.__module__ = visualize.__name__


@pytest.fixture
def run(tiny_run, tmp_path):
    """A run with grids of three steps: black, grey, white."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(tiny_run.workdir / "config.json", folder)
    (folder / "samples").mkdir()
    for step, value in ((2, 0), (10, 100), (1000, 255)):
        pixels = np.full((80, 90, 1), value, np.uint8)
        grid.save_image(pixels, folder / "samples" / f"step_{step:08d}.png")
    return folder


def read(path):
    with Image.open(path) as picture:
        for index in range(picture.n_frames):
            picture.seek(index)
            yield np.asarray(picture.convert("L")), picture.info["duration"]


def test_a_film_shows_the_grids_in_order_under_their_steps(run, run_command, tmp_path):
    out = tmp_path / "film.gif"
    ended = run_command(main, "film", run, f"--out={out}", "--seconds=1.5")
    assert ended.code == 0
    assert "3 grids, steps 2 to 1000" in ended.out
    frames = list(read(out))
    grids = [frame[-560:] for frame, _ in frames]  # 7 dots to a pixel, 512 at least
    assert [np.unique(part).tolist() for part in grids] == [[0], [100], [255]]
    headings = [frame[:-560] for frame, _ in frames]
    for heading in headings:
        assert heading.min() < 100 < heading.max()
    widths = [np.flatnonzero((h < 128).any(axis=0)).max() for h in headings]
    assert widths[0] < widths[1] < widths[2]  # 2, 10, 1,000
    # Half a second each, and the last a second more.
    assert [milliseconds for _, milliseconds in frames] == [500, 500, 1500]


def test_a_film_of_the_average_shows_its_grids_alone(
    run, run_command, one_error, tmp_path
):
    flags = ("film", run, f"--out={tmp_path / 'film.gif'}", "--ema")
    assert "no grids, ema_step_….png" in one_error(main, *flags)
    for step in (5, 6):
        pixels = np.full((80, 90, 1), 10 * step, np.uint8)
        grid.save_image(pixels, run / "samples" / f"ema_step_{step:08d}.png")
    assert "2 grids, steps 5 to 6" in run_command(main, *flags).out


def test_a_film_is_no_wider_and_no_longer_than_asked(run, run_command, tmp_path):
    out = tmp_path / "film.gif"
    flags = ("--max_width=64", "--max_frames=2")
    assert run_command(main, "film", run, f"--out={out}", *flags).code == 0
    frames = [frame for frame, _ in read(out)]
    assert [frame.shape[1] for frame in frames] == [64, 64]
    assert [frame[-1, 0] for frame in frames] == [0, 255]


def test_grids_of_an_older_run_and_larger_ones_of_today_make_one_film(
    run, run_command, tmp_path
):
    out = tmp_path / "film.gif"
    path = run / "samples" / "step_00000010.png"
    grid.save_picture(grid.read_picture(path), path)
    with Image.open(path) as picture:
        assert picture.height == 7 * 80
    flags = ("--scale=2", f"--out={out}")
    assert run_command(main, "film", run, *flags).code == 0
    assert {frame.shape[1] for frame, _ in read(out)} == {2 * 90}


def test_frames_that_no_memory_holds_are_one_line(
    run, one_error, tmp_path, monkeypatch
):
    monkeypatch.setattr(memory, "find_size", lambda: 20_000)
    out = tmp_path / "film.gif"
    assert "3 frames take" in one_error(main, "film", run, f"--out={out}")
    assert not out.exists()


@pytest.mark.parametrize(
    ("count", "most", "chosen"),
    [(5, 9, [0, 1, 2, 3, 4]), (5, 3, [0, 2, 4]), (5, 2, [0, 4]), (6, 3, [0, 2, 5])],
)
def test_grids_are_taken_at_even_distances_with_both_ends(count, most, chosen):
    grids = [(index, None) for index in range(count)]
    assert [index for index, _ in film.choose_grids(grids, most=most)] == chosen


@pytest.mark.parametrize(
    ("kept", "told"), [([], "has no grids"), ([10], "a single grid, step_00000010.png")]
)
def test_too_few_grids_are_told(kept, told, run, one_error, tmp_path):
    for path in (run / "samples").iterdir():
        if int(path.stem.removeprefix("step_")) not in kept:
            path.unlink()
    assert told in one_error(main, "film", run, f"--out={tmp_path / 'f.gif'}")
    assert not (tmp_path / "f.gif").exists()


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--out=film.avi", "'.avi'"),
        ("--max_frames=1", "--max_frames=1"),
        ("--seconds=0", "--seconds=0"),
        ("--max_width=3", "--max_width=3"),
        ("--scale=0", "--scale=0; it must be at least 1"),
    ],
)
def test_flags_that_cannot_be_meant_are_told(flag, told, run, one_error):
    assert told in one_error(main, "film", run, flag)


def test_a_folder_that_is_no_run_is_told(tmp_path, one_error):
    assert "holds no run" in one_error(main, "film", tmp_path)


def test_a_damaged_grid_is_named(run, run_command):
    (run / "samples" / "step_00000010.png").write_bytes(b"no picture")
    ended = run_command(main, "film", run)
    assert ended.code == 2
    assert "step_00000010.png cannot be read" in ended.err
