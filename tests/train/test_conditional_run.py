"""A run with --conditional on coloured pictures in folders of two classes."""

import functools
import json

import numpy as np
import pytest

import dcgan_jax
from dcgan_jax import cli
from dcgan_jax.evaluate import __main__ as evaluate
from dcgan_jax.export import __main__ as export
from dcgan_jax.info import __main__ as info
from dcgan_jax.latent import arithmetic, walk
from dcgan_jax.pictures import grid
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.sample import __main__ as sample
from dcgan_jax.train import __main__ as train
from dcgan_jax.visualize import __main__ as visualize

NAMES = ["red fox", "sea"]
visualize_main = functools.partial(cli.run_command, commands=visualize.COMMANDS)
visualize_main.__module__ = visualize.__name__


def write_pictures(folder, encode):
    """Write red pictures of one class and blue ones of the other."""
    for number, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for index in range(8):
            pixels = np.zeros((28, 28, 3), np.uint8)
            pixels[..., 2 * number] = 100 + 10 * index
            (folder / name / f"{index}.png").write_bytes(encode(pixels))
    return folder


@pytest.fixture(scope="module")
def make_run(tmp_path_factory):
    """Train for two steps once; return the run's folder and how training ended."""
    kept = {}

    def make(run_command, encode):
        if not kept:
            folder = tmp_path_factory.mktemp("conditional")
            source = write_pictures(folder / "pictures", encode)
            ended = run_command(
                train.main, "--dataset=folder", f"--source={source}", "--conditional",
                "--image_size=28", f"--data_dir={folder / 'data'}",
                f"--workdir={folder / 'run'}", "--width_multiplier=0.0625",
                "--batch_size=4", "--num_steps=2", "--held_out=2",
            )  # fmt: skip
            kept["run"] = folder / "run", ended
        return kept["run"]

    return make


@pytest.fixture
def run(make_run, run_command, encode):
    workdir, ended = make_run(run_command, encode)
    assert ended.code == 0, ended.err
    return workdir


def draw(run_command, run, out, *flags):
    ended = run_command(sample.main, run, *flags, f"--out={out}")
    assert ended.code == 0, ended.err
    with np.load(out) as arrays:
        return dict(arrays)


def test_info_says_that_the_networks_are_conditional(run, run_command):
    told = run_command(info.main, run).out
    assert "networks     conditional small at width 0.0625: " in told


def test_the_classes_and_their_names_are_recorded_with_the_run(run):
    config = run_dir.read_config(run)
    assert (config.architecture, config.conditional) == ("small", True)
    assert config.num_classes == 2
    # Of what follows from the number of pictures, two were given by flags.
    followed = config.by_count, config.diffaugment
    assert followed == ("diffaugment", "color,translation,cutout")
    assert json.loads(config.class_names) == NAMES
    listed = (run / "samples" / "classes.txt").read_text().splitlines()
    assert listed == ["0 red fox", "1 sea"]


def test_a_class_is_drawn_by_its_name(run, run_command, tmp_path):
    named = draw(run_command, run, tmp_path / "a.npz", "--num=3", "--label=sea")
    turns = draw(run_command, run, tmp_path / "b.npz", "--num=6")
    assert named["images"].shape == (3, 28, 28, 3)
    assert named["labels"].tolist() == [1, 1, 1]
    assert turns["labels"].tolist() == [0, 1] * 3
    np.testing.assert_array_equal(named["images"][1], turns["images"][1])


def test_its_export_draws_the_same_and_knows_the_names(run, run_command, tmp_path):
    out = tmp_path / "g.safetensors"
    assert run_command(export.main, run, f"--out={out}").code == 0
    first = draw(run_command, run, tmp_path / "a.npz", "--num=2", "--label=sea")
    again = draw(run_command, out, tmp_path / "b.npz", "--num=2", "--label=sea")
    np.testing.assert_array_equal(first["images"], again["images"])
    gan = dcgan_jax.load(out)
    np.testing.assert_array_equal(gan.sample(2, labels="sea"), again["images"])
    assert gan.score(again["images"], labels=1).shape == (2,)
    picture = grid.read_picture(out.with_suffix(".png"))
    assert picture.shape[2] == 3


def test_it_walks_and_adds_within_a_class(run, run_command, tmp_path):
    flags = ("--points=2", "--steps=2", "--label=sea", f"--out={tmp_path / 'w.png'}")
    assert run_command(walk.main, run, *flags).code == 0
    flags = ("--positive=1", "--negative=2", "--add=3", "--label=red fox")
    out = f"--out={tmp_path / 's.png'}"
    assert run_command(arithmetic.main, run, *flags, out).code == 0


def test_it_has_no_form_in_pytorch(run, one_error, tmp_path):
    out = tmp_path / "g.safetensors"
    told = one_error(export.main, run, "--format=torch", f"--out={out}")
    assert "this is conditional small. Take --format=onnx" in told
    assert not list(tmp_path.iterdir())


def test_what_reads_a_discriminator_without_labels_refuses_it(run, one_error, tmp_path):
    flags = ("filters", run, f"--out={tmp_path / 'f.png'}")
    assert "from a run without --conditional" in one_error(visualize_main, *flags)
    assert not list(tmp_path.iterdir())


def test_memorisation_is_measured_of_its_samples(run, run_command):
    data = f"--data_dir={run.parent / 'data'}"
    ended = run_command(
        evaluate.main, run, "--metric=memorisation", "--num_samples=4", data
    )
    assert ended.code == 0, ended.err


def test_data_without_labels_are_refused_before_anything_is_written(
    encode, tmp_path, one_error
):
    source = write_pictures(tmp_path / "pictures", encode) / "sea"
    told = one_error(
        train.main, "--dataset=folder", f"--source={source}", "--conditional",
        "--image_size=28", f"--data_dir={tmp_path / 'data'}",
        f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    assert "has no labels" in told
    assert not (tmp_path / "run").exists()
