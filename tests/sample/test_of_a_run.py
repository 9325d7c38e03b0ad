"""The command's samples of a run, in the forms that they may take."""

import numpy as np
from PIL import Image

from dcgan_jax.sample import __main__ as sample


def test_samples_of_a_run_are_uint8_arrays_under_their_key(
    tiny_run, tmp_path, run_command
):
    path = tmp_path / "x.npz"
    ended = run_command(sample.main, tiny_run.workdir, "--num=5", f"--out={path}")
    assert ended.code == 0, ended.err
    with np.load(path) as file:
        assert list(file) == ["images"]
        assert file["images"].shape == (5, 32, 32, 1)
        assert file["images"].dtype == np.uint8


def test_the_first_samples_are_the_same_however_many_are_drawn(
    tiny_run, tmp_path, run_command
):
    drawn = []
    for num in (3, 70):
        path = tmp_path / f"{num}.npz"
        run_command(sample.main, tiny_run.workdir, f"--num={num}", f"--out={path}")
        with np.load(path) as file:
            drawn.append(file["images"])
    np.testing.assert_array_equal(drawn[1][:3], drawn[0])


def test_another_seed_draws_other_samples(tiny_run, tmp_path, run_command):
    drawn = []
    for seed in (0, 1):
        path = tmp_path / f"{seed}.npz"
        run_command(
            sample.main, tiny_run.workdir, "--num=1", f"--seed={seed}", f"--out={path}"
        )
        with np.load(path) as file:
            drawn.append(file["images"])
    assert (drawn[0] != drawn[1]).any()


def test_samples_can_be_a_grid_or_a_folder(tiny_run, tmp_path, run_command):
    for out in ("grid.png", "folder"):
        run_command(sample.main, tiny_run.workdir, "--num=4", f"--out={tmp_path / out}")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (8 * 66, 8 * 66)  # 512 dots at least
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "000003.png"]


def test_a_folder_with_files_in_it_is_not_overwritten(tiny_run, one_error):
    message = one_error(
        sample.main, tiny_run.workdir, f"--out={tiny_run.workdir / 'samples'}"
    )
    assert "files in it" in message
