"""`python -m dcgan_jax.latent forget` as a user meets it."""

import functools
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import cli
from dcgan_jax.latent import __main__ as program, boxes
from dcgan_jax.latent.boxes import Box, BoxFile
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.sample import __main__ as sample

SIZE = 32


def main(argv):
    return functools.partial(cli.run_command, commands=program.COMMANDS)(argv)


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / "boxes.json"
        told = BoxFile(
            (Box(1, 8.0, 8.0, 16.0, 12.0), Box(4, 0.0, 4.0, 9.0, 9.0)), image_size=SIZE
        )
        boxes.write_boxes(told._replace(**changes), path)
        return f"--boxes={path}"

    return write


@pytest.fixture
def refuse(tiny_run, one_error, tmp_path, monkeypatch):
    """Return the one line of an error, of a call in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return functools.partial(one_error, main, "forget", tiny_run.workdir)


@pytest.fixture
def call(tiny_run, run_command):
    return functools.partial(run_command, main, "forget", tiny_run.workdir)


def test_the_picture_shows_samples_with_boxes_and_new_ones_above_what_became_of_them(
    call, write, tiny_run, tmp_path, run_command
):
    out, numbers_file = tmp_path / "new" / "forget.png", tmp_path / "numbers.json"
    ended = call(
        write(seed=3), "--num_samples=5", "--num_shown=3", "--num_dropped=1",
        f"--out={out}", f"--json={numbers_file}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = json.loads(numbers_file.read_text())["numbers"]
    assert numbers["num_dropped"] == len(numbers["dropped_maps"]) == 1
    assert numbers["num_boxes"] == 2
    assert f"dropped     1 of {numbers['num_maps']} feature maps of conv1" in ended.out
    assert numbers["change_inside_boxes"] > 0
    picture = np.asarray(Image.open(out))
    drawn = tmp_path / "drawn.npz"
    command = sample.main, tiny_run.workdir, "--num=8", "--seed=3", f"--out={drawn}"
    assert run_command(*command).code == 0
    images = np.load(drawn)["images"].repeat(4, 1).repeat(4, 2)
    side = 4 * SIZE
    rows = 2 * side + 2 + 24  # a row of pairs, and the gap to the next
    assert picture.shape == (2 * rows - 24, 8 * side + 7 * 10, 3)
    for place in range(3):  # new samples begin after the numbered ones
        left = place * (side + 10)
        shown = picture[rows : rows + side, left : left + side]
        np.testing.assert_array_equal(shown, np.repeat(images[5 + place], 3, axis=-1))
    red = (picture[:side, :side] == (255, 0, 0)).all(-1)
    where = np.argwhere(red)
    assert where.min(0).tolist() == [32, 32]
    assert where.max(0).tolist() == [80, 96]


@pytest.mark.parametrize(
    ("changes", "flags", "message"),
    [
        ({"seed": 3}, ["--seed=4"], "on samples of seed 3, not of --seed=4"),
        ({"step": 10}, [], "drawn on samples of step 10, this is 20; give --step=10"),
        ({"image_size": 48}, [], "this generator makes 32"),
        ({}, ["--num_samples=4"], "box on sample 4, but the samples are 0 to 3"),
        ({}, ["--layer=conv2"], "hidden convolutions of this generator are conv0, c"),
        ({}, ["--label=1"], "not conditional"),
        ({}, ["--num_dropped=1000"], "only"),
        ({}, ["--num_dropped=0"], "--num_dropped=0; it must be at least 1"),
        ({}, ["--num_shown=0"], "--num_shown=0; it must be at least 1"),
        ({}, ["--out=forget.bmp"], "must end in .png"),
        ({"boxes": ()}, [], "holds no box"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_written(
    refuse, write, tmp_path, changes, flags, message
):
    assert message in refuse(write(**changes), *flags)
    assert [path.name for path in tmp_path.iterdir()] == ["boxes.json"]


def test_a_run_without_a_checkpoint_is_refused(one_error, write, tmp_path, tiny_run):
    shutil.copy(tiny_run.workdir / run_dir.CONFIG, tmp_path)
    assert "no checkpoint yet" in one_error(main, "forget", tmp_path, write())
