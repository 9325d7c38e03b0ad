"""`latent walk`, `latent arithmetic` and `sample --numbered` as a user meets them."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import presets
from dcgan_jax.export import __main__ as export
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.latent import arithmetic, walk
from dcgan_jax.pictures import grid
from dcgan_jax.runs import safetensors_file
from dcgan_jax.sample import __main__ as sample

SUM = ("--positive=3,17,40", "--negative=5,8,9", "--add=1,2,4")
TURN = ("--turn_from=3,17,40,41", "--turn_to=5,8,9,30")


@pytest.fixture
def run(tiny_run, tmp_path):
    return shutil.copytree(tiny_run.workdir, tmp_path / "run")


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def draw_samples(run, out, run_command, *flags):
    assert run_command(sample.main, run, f"--out={out}", *flags).code == 0
    return np.load(out)["images"]


def cut(picture, row, column, *, height, width, scale):
    """Cut a cell out of a grid of grey images, and shrink it back."""
    top, left = row * (height + 2), column * (width + 2)
    return picture[top : top + 32 * scale : scale, left : left + 32 * scale : scale]


def test_a_walk_s_rows_begin_at_the_numbered_samples(run, tmp_path, run_command):
    out, numbers = tmp_path / "walk.png", tmp_path / "walk.json"
    ended = run_command(
        walk.main, run, "--points=4", "--steps=3", f"--out={out}", f"--json={numbers}"
    )
    assert ended.code == 0, ended.err
    assert read(out).shape == (6 * (3 * 34 - 2), 6 * (4 * 34 - 2))
    picture = grid.read_picture(out)[..., 0]
    images = draw_samples(run, tmp_path / "x.npz", run_command, "--num=4")[..., 0]
    for row, column, number in ((0, 0, 0), (1, 0, 1), (2, 0, 2), (2, 3, 3)):
        cell = cut(picture, row, column, height=32, width=32, scale=1)
        np.testing.assert_array_equal(cell, images[number])
    found = json.loads(numbers.read_text())["numbers"]
    assert len(found["largest_step_by_median_by_row"]) == 3
    assert found["largest_step_by_median"] >= 1
    assert found["step"] == 20
    assert ended.out.count("times the median") == 4


@pytest.mark.parametrize(
    ("command", "flags", "name"),
    [
        (walk.main, ("--points=2", "--steps=2"), "W.JPEG"),
        (arithmetic.main, SUM, "sum.webp"),
    ],
)
def test_a_picture_has_the_form_that_its_name_asks_for(
    command, flags, name, run, tmp_path, run_command
):
    ended = run_command(command, run, *flags, f"--out={tmp_path / name}")
    assert ended.code == 0, ended.err
    with Image.open(tmp_path / name) as picture:
        assert picture.format == Path(name).suffix[1:].upper()


def test_a_closed_walk_makes_a_film_of_every_image_once(run, tmp_path, run_command):
    out = tmp_path / "walk.gif"
    ended = run_command(
        walk.main, run, "--points=3", "--steps=4", "--closed", f"--out={out}",
        "--interpolation=spherical",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    with Image.open(out) as film:
        assert film.n_frames == 3 * 4
        assert film.size == (512, 512)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--points=1"], "--points=1; it must be at least 2"),
        (["--steps=1"], "--steps=1"),
        (["--steps=100000"], "--steps=100000; it must be at most 5000"),
        (["--steps=4000"], "choose fewer"),
        (["--out=x.bmp"], "--out=x.bmp must end in .png or .jpg"),
        (["--out=x.gif", "--fps=0"], "--fps=0.0; it must be above 0"),
        (["--json=x.txt"], "--json=x.txt"),
        (["--interpolation=cubic"], "cubic"),
        (["--label=3"], "not conditional"),
        (["--step=11"], "no checkpoint of step 11"),
    ],
)
def test_walks_that_cannot_be_made_are_refused(flags, told, run, tmp_path, one_error):
    flags = [f"--out={tmp_path / 'walk.png'}", *flags]
    assert told in one_error(walk.main, run, *flags)
    assert not list(tmp_path.glob("walk*"))


def test_a_folder_without_a_generator_is_refused(tmp_path, one_error):
    assert "holds no run" in one_error(walk.main, tmp_path)
    assert "holds no run" in one_error(arithmetic.main, tmp_path, *SUM)


@pytest.fixture
def conditional(draw_state, tmp_path):
    """An exported conditional generator of three classes."""
    config = dataclasses.replace(
        presets.MNIST_CONDITIONAL, width_multiplier=1 / 16, num_classes=3
    )
    gen = draw_state(make_nets(config, num_steps=1), image_shape=(28, 28, 1)).gen
    variables = {"params": gen.params, "batch_stats": gen.batch_stats}
    path = tmp_path / "conditional.safetensors"
    safetensors_file.save_network(path, variables, config, step=1)
    return path


def test_a_conditional_generator_walks_within_one_class(
    conditional, tmp_path, run_command, one_error
):
    out = tmp_path / "walk.png"
    walk_of = (walk.main, conditional, "--points=2", "--steps=2", f"--out={out}")
    assert "--label, which is one of 0 to 2" in one_error(*walk_of)
    assert "knows 0 to 2" in one_error(*walk_of, "--label=3")
    pictures = []
    for label in (0, 2):
        assert run_command(*walk_of, f"--label={label}").code == 0
        pictures.append(grid.read_picture(out))
        flags = (f"--label={label}", "--num=2")
        images = draw_samples(conditional, tmp_path / "x.npz", run_command, *flags)
        np.testing.assert_array_equal(pictures[-1][:28, :28], images[0])
    assert (pictures[0] != pictures[1]).any()


def test_picks_of_a_class_keep_it(conditional, tmp_path, run_command, one_error):
    saved, out = tmp_path / "picks.json", f"--out={tmp_path / 'x.png'}"
    flags = (*SUM, "--label=2", f"--save_picks={saved}", out)
    assert run_command(arithmetic.main, conditional, *flags).code == 0
    assert json.loads(saved.read_text())["label"] == 2
    again = (arithmetic.main, conditional, f"--picks={saved}", out)
    assert run_command(*again).code == 0
    assert "label=2" in one_error(*again, "--label=1")


def test_a_class_is_called_by_its_name(conditional, tmp_path, run_command, one_error):
    config, _, variables = safetensors_file.read_network(conditional)
    config = dataclasses.replace(config, class_names='["1", "2", "red fox"]')
    named = tmp_path / "named.safetensors"
    safetensors_file.save_network(named, variables, config, step=1)
    out, numbers = tmp_path / "walk.png", tmp_path / "numbers.json"
    walk_of = (walk.main, named, "--points=2", "--steps=2", f"--out={out}")
    assert "--label, which is one of 1, 2, red fox" in one_error(*walk_of)
    assert "--label=0; this generator knows 1, 2" in one_error(*walk_of, "--label=0")
    assert run_command(*walk_of, "--label=2", f"--json={numbers}").code == 0
    found = json.loads(numbers.read_text())["numbers"]
    assert (found["label"], found["class_name"]) == (1, "2")
    images = draw_samples(conditional, tmp_path / "x.npz", run_command, "--label=1")
    np.testing.assert_array_equal(grid.read_picture(out)[:28, :28], images[0])

    saved = tmp_path / "picks.json"
    sum_of = (arithmetic.main, named, f"--out={out}", f"--json={numbers}")
    flags = (*SUM, "--label=red fox", f"--save_picks={saved}")
    assert run_command(*sum_of, *flags).code == 0
    found = json.loads(numbers.read_text())["numbers"]
    assert (found["label"], found["class_name"]) == (2, "red fox")
    assert json.loads(saved.read_text())["label"] == 2
    again = (*sum_of, f"--picks={saved}")
    assert run_command(*again, "--label=red fox").code == 0
    assert "with label=2, the command line asks for label=1" in one_error(
        *again, "--label=2"
    )


def test_a_sum_shows_the_numbered_samples_and_its_own_image(run, tmp_path, run_command):
    out, saved = tmp_path / "sum.png", tmp_path / "picks.json"
    ended = run_command(
        arithmetic.main, run, *SUM, f"--out={out}", f"--save_picks={saved}"
    )
    assert ended.code == 0, ended.err
    images = draw_samples(run, tmp_path / "x.npz", run_command, "--num=41")[..., 0]
    picture = read(out)
    for row, column, number in ((0, 0, 3), (2, 0, 40), (1, 1, 8), (2, 2, 4)):
        cell = cut(picture, row, column, height=145, width=128, scale=4)
        np.testing.assert_array_equal(cell, images[number])
    again = tmp_path / "again.png"
    ended = run_command(arithmetic.main, run, f"--picks={saved}", f"--out={again}")
    assert ended.code == 0, ended.err
    np.testing.assert_array_equal(read(again), picture)


@pytest.mark.parametrize("groups", [SUM, TURN])
def test_a_sum_s_and_a_turn_s_pixels_take_as_many_dots_as_asked_for(
    groups, run, tmp_path, run_command
):
    out = tmp_path / "large.png"
    flags = ("--scale=9", "--rows=1", "--columns=3", f"--out={out}")
    ended = run_command(arithmetic.main, run, *groups, *flags)
    assert ended.code == 0, ended.err
    width = 9 * 32
    rows, columns, gap = (5, 6, 20) if groups == SUM else (1, 3, 2)
    size = rows * (width + 19) - 2, columns * (width + 2) - 4 + gap
    assert read(out).shape == size


def test_exemplars_that_are_all_one_sample_give_that_sample(run, tmp_path, run_command):
    out = tmp_path / "sum.png"
    ended = run_command(
        arithmetic.main, run, "--positive=7", "--negative=7", "--add=7", "--noise=0",
        f"--out={out}",
    )  # fmt: skip
    assert "unstable" in ended.out
    image = draw_samples(run, tmp_path / "x.npz", run_command, "--num=8")[7, ..., 0]
    right = read(out)[:, 3 * 130 + 18 :]
    for place in range(9):
        cell = cut(right, place // 3, place % 3, height=145, width=128, scale=4)
        np.testing.assert_array_equal(cell, image)
    pixels = cut(right, 3, 0, height=145, width=128, scale=4)
    np.testing.assert_array_equal(pixels, image)


def test_a_turn_moves_new_samples_alone(run, tmp_path, run_command):
    out, numbers = tmp_path / "turn.png", tmp_path / "turn.json"
    ended = run_command(
        arithmetic.main, run, *TURN, f"--out={out}", f"--json={numbers}", "--rows=4",
        "--columns=3",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert json.loads(numbers.read_text())["numbers"]["new_samples"] == [0, 1, 2, 4]
    images = draw_samples(run, tmp_path / "x.npz", run_command, "--num=5")[..., 0]
    for row, number in enumerate((0, 1, 2, 4)):
        cell = cut(read(out), row, 1, height=209, width=192, scale=6)
        np.testing.assert_array_equal(cell, images[number])
    assert min(read(out).shape) >= 512


def test_picks_hold_for_the_export_of_their_run(run, tmp_path, run_command):
    saved, exported = tmp_path / "picks.json", tmp_path / "gen.safetensors"
    out = f"--out={tmp_path / 'x.png'}"
    run_command(arithmetic.main, run, *TURN, out, f"--save_picks={saved}")
    assert run_command(export.main, run, f"--out={exported}").code == 0
    ended = run_command(arithmetic.main, exported, f"--picks={saved}", out)
    assert ended.code == 0, ended.err


def test_picks_are_of_their_checkpoint_s_samples(run, tmp_path, run_command, one_error):
    saved, out = tmp_path / "picks.json", tmp_path / "x.png"
    flags = (*SUM, "--step=10", f"--save_picks={saved}", f"--out={out}")
    assert run_command(arithmetic.main, run, *flags).code == 0
    picks = json.loads(saved.read_text())
    assert picks["step"] == 10
    again = [run, f"--picks={saved}", f"--out={tmp_path / 'y.png'}"]
    assert run_command(arithmetic.main, *again).code == 0  # takes their step
    np.testing.assert_array_equal(read(tmp_path / "y.png"), read(out))
    assert "step=10" in one_error(arithmetic.main, *again, "--step=20")
    assert "seed=0" in one_error(arithmetic.main, *again, "--seed=1")
    assert "both" in one_error(arithmetic.main, *again, "--add=1")
    saved.write_text(json.dumps({**picks, "step": 20}))
    assert "another generator" in one_error(arithmetic.main, *again)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "exemplars for none; expected positive, negative, add, or turn_from"),
        (["--positive=1"], "exemplars for ['positive']; expected"),
        ([*SUM, *TURN], "expected positive, negative, add, or"),
        ([*SUM[:2], "--add="], "--add is []"),
        ([*SUM[:2], "--add=-4"], "--add='-4', expected"),
        ([*SUM[:2], "--add=1000000"], "from 0 to 99,999"),
        ([*SUM, "--seed=-1"], "--seed=-1; it must be"),
        ([*SUM, "--noise=nan"], "--noise=nan"),
        ([*SUM, "--rows=0"], "--rows=0"),
        ([*SUM, "--out=x.gif"], "--out=x.gif"),
        (["--picks=none.json"], "none.json"),
    ],
)
def test_sums_that_cannot_be_made_are_refused(flags, told, run, tmp_path, one_error):
    flags = [f"--out={tmp_path / 'sum.png'}", *flags]
    assert told in one_error(arithmetic.main, run, *flags)
    assert not list(tmp_path.glob("sum*"))


def test_numbered_samples_are_the_samples_enlarged(run, tmp_path, run_command):
    out = tmp_path / "numbered.png"
    ended = run_command(sample.main, run, "--numbered", "--num=5", f"--out={out}")
    assert ended.code == 0, ended.err
    images = draw_samples(run, tmp_path / "x.npz", run_command, "--num=5")[..., 0]
    picture = read(out)
    for number, image in enumerate(images):
        row, column = divmod(number, 3)
        cell = cut(picture, row, column, height=273, width=256, scale=8)
        np.testing.assert_array_equal(cell, image)
        top, left = row * 275 + 256, column * 258
        assert picture[top : top + 17, left : left + 256].min() < 64  # its number
    other = tmp_path / "numbered.jpg"
    flags = ("--numbered", "--num=5", f"--out={other}")
    assert run_command(sample.main, run, *flags).code == 0
    assert read(other).shape == picture.shape


@pytest.mark.parametrize("flags", [["--out=x.npz"], ["--out=x"], ["--batch_stats"]])
def test_numbers_are_written_into_pictures_of_independent_samples_alone(
    flags, run, one_error
):
    assert "--numbered" in one_error(sample.main, run, "--numbered", *flags)
