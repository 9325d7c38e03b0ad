"""Runs of the conditional pairs and of the 2014 GAN, through the commands."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import cli, presets
from dcgan_jax.config import data_config
from dcgan_jax.data import batches, labels, store as stores
from dcgan_jax.export import __main__ as export
from dcgan_jax.gan import keys
from dcgan_jax.pictures import grid as grids
from dcgan_jax.prepare import build
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading
from dcgan_jax.sample import __main__ as sample, draw as sampling
from dcgan_jax.system import errors
from dcgan_jax.train import __main__ as train, feed, loop

SIDE, GAP = 32, 2


@pytest.fixture(scope="module")
def runs(make_flags, tmp_path_factory):
    """The folders of finished runs by recipe; each is trained when it is asked for."""

    class Trained(dict):
        def __missing__(self, preset):
            workdir = tmp_path_factory.mktemp(preset) / "run"
            loop.run(cli.parse_run(make_flags(preset, f"--workdir={workdir}")))
            self[preset] = workdir
            return workdir

    return Trained()


conditional = pytest.mark.parametrize("preset", ["mnist_conditional", "mnist_mlp"])


@conditional
def test_the_number_of_classes_is_recorded_with_the_run(preset, runs):
    assert run_dir.read_config(runs[preset]).num_classes == 10


def draw(run_command, tmp_path, run, *flags):
    """Return the images and labels that `sample` writes."""
    ended = run_command(sample.main, run, *flags, f"--out={tmp_path / 'x.npz'}")
    assert ended.code == 0, ended.err
    with np.load(tmp_path / "x.npz") as file:
        return dict(file)


@conditional
def test_one_class_can_be_drawn(preset, runs, run_command, tmp_path):
    turns = draw(run_command, tmp_path, runs[preset], "--num=12")
    threes = draw(run_command, tmp_path, runs[preset], "--num=12", "--label=3")
    assert turns["labels"].tolist() == [*range(10), 0, 1]
    assert threes["labels"].tolist() == [3] * 12
    equal = (turns["images"] == threes["images"]).all((1, 2, 3))
    np.testing.assert_array_equal(equal, turns["labels"] == 3)


@pytest.mark.parametrize("label", [-1, 10])
def test_a_class_that_the_run_has_not_is_refused(label, runs, one_error):
    message = one_error(sample.main, runs["mnist_mlp"], f"--label={label}")
    assert f"--label={label}; this generator knows 0 to 9." in message


def test_a_run_without_labels_draws_no_class(runs, one_error):
    message = one_error(sample.main, runs["goodfellow_mnist"], "--label=3")
    assert "not conditional" in message


def test_a_run_without_labels_writes_none(runs, run_command, tmp_path):
    assert set(draw(run_command, tmp_path, runs["goodfellow_mnist"])) == {"images"}


def test_an_exported_generator_knows_its_classes(runs, run_command, tmp_path):
    path = tmp_path / "generator.safetensors"
    run = runs["mnist_conditional"]
    assert run_command(export.main, run, f"--out={path}").code == 0
    first, second = (
        draw(run_command, tmp_path, where, "--num=5", "--label=7")
        for where in (run, path)
    )
    np.testing.assert_array_equal(first["images"], second["images"])


@conditional
def test_the_grid_shows_a_class_a_row(preset, runs):
    path = runs[preset] / "samples" / "step_00000020.png"
    grid = grids.read_picture(path)[..., 0]
    step = SIDE + GAP
    assert grid.shape == (10 * step - GAP, 10 * step - GAP)
    config = run_dir.read_config(runs[preset])
    loaded = loading.load_generator(str(runs[preset]), weights_dir=None, step=None)
    key = keys.make_key(config.seed, keys.Purpose.FIXED_LATENTS)
    latents = sampling.draw_first_latents(loaded.draw_latents, key, 100)
    sampler = sampling.make_sampler(loaded.network)
    for row in range(10):
        same_class = np.full(10, row, np.int32)
        images = sampler(loaded.variables, latents[10 * row :][:10], same_class)
        for column, image in enumerate(images):
            shown = grid[row * step :, column * step :][:SIDE, :SIDE]
            np.testing.assert_array_equal(shown, image[..., 0])


def test_the_rows_of_a_run_s_grids_are_named_where_names_say_more_than_numbers(
    runs, make_flags, tmp_path
):
    assert not (runs["mnist_mlp"] / "samples" / "classes.txt").exists()
    names = [f"digit {number}" for number in range(10)]
    flags = (
        "--num_steps=1", f"--workdir={tmp_path}", f"--class_names={json.dumps(names)}"
    )  # fmt: skip
    loop.run(cli.parse_run(make_flags("mnist_mlp", *flags)))
    listed = (tmp_path / "samples" / "classes.txt").read_text().splitlines()
    assert listed == [f"{number} digit {number}" for number in range(10)]
    sizes = set()
    for run in (runs["mnist_mlp"], tmp_path):
        for path in (run / "samples").glob("*.png"):
            with Image.open(path) as picture:
                sizes.add(picture.size)
    assert len(sizes) == 1  # so that a film takes both


@conditional
def test_a_picture_of_samples_shows_a_class_a_row_too(
    preset, runs, tmp_path, run_command
):
    for name in ("both.png", "both.npz"):
        argv = (runs[preset], "--num=23", f"--out={tmp_path / name}")
        assert run_command(sample.main, *argv).code == 0
    with np.load(tmp_path / "both.npz") as arrays:
        images, classes = arrays["images"], arrays["labels"]
    grid = grids.read_picture(tmp_path / "both.png")[..., 0]
    step = SIDE + GAP
    assert grid.shape == (10 * step - GAP, 3 * step - GAP)  # classes 0 to 2 thrice
    for row in range(10):
        own = images[classes == row]
        for column in range(3):
            shown = grid[row * step :, column * step :][:SIDE, :SIDE]
            expected = own[column, ..., 0] if column < len(own) else 255
            np.testing.assert_array_equal(shown, np.broadcast_to(expected, shown.shape))


def read_arrays(workdir, step=None):
    newest = checkpoints.find_newest(workdir / "checkpoints", step=step)
    arrays = checkpoints.read_arrays(newest)
    return {name: np.asarray(array) for name, array in arrays.items()}


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param("mnist_conditional", marks=pytest.mark.long),
        "mnist_mlp",
        "goodfellow_mnist",
    ],
)
def test_2n_steps_equal_n_and_a_resume_to_the_bit(preset, runs, make_flags, tmp_path):
    # A falling rate depends on the end of the run, so it is broken off, not shortened.
    workdir = shutil.copytree(runs[preset], tmp_path / "run")
    (halfway, end) = sorted((workdir / "checkpoints").iterdir())
    shutil.rmtree(end)
    assert halfway.name == "step_00000010"
    loop.run(cli.parse_run(make_flags(preset, f"--workdir={workdir}")))
    first, second = read_arrays(runs[preset]), read_arrays(tmp_path / "run")
    assert first.keys() == second.keys()
    assert not [n for n in first if first[n].tobytes() != second[n].tobytes()]


def test_a_run_of_the_2014_gan_begins_at_the_mean_of_its_training_images(
    make_flags, tmp_path
):
    still = ["--sgd.learning_rate=0", "--sgd.min_learning_rate=0", "--num_steps=1"]
    flags = make_flags("goodfellow_mnist", f"--workdir={tmp_path / 'run'}", *still)
    config = cli.parse_run(flags)
    loop.run(config)
    store = stores.open_store(stores.store_path(config))
    images = store.rows(np.arange(len(store) - 97)).images.astype(np.float64)
    exact = np.clip(images.mean(0).ravel() / 255, 1e-7, 1 - 1e-7)
    bias = read_arrays(tmp_path / "run")["gen/params/output/bias"]
    np.testing.assert_allclose(1 / (1 + np.exp(-bias.astype(float))), exact, rtol=1e-4)


def test_a_resumed_run_does_not_begin_at_the_mean_again(runs):
    first, last = (
        read_arrays(runs["goodfellow_mnist"], step)["gen/params/output/bias"]
        for step in (10, 20)
    )
    assert (first != last).any()


def test_a_longer_run_of_the_2014_gan_goes_on_from_a_finished_one(make_flags, tmp_path):
    config = cli.parse_run(
        make_flags("goodfellow_mnist", f"--workdir={tmp_path / 'run'}")
    )
    loop.run(dataclasses.replace(config, num_steps=5))
    assert loop.run(dataclasses.replace(config, num_steps=7)).step == 7


@pytest.fixture
def unlabelled(tmp_path):
    """Images without labels, and the flags of a conditional run on them."""
    images = np.random.default_rng(0).integers(0, 256, (64, 28, 28), np.uint8)
    np.save(tmp_path / "images.npy", images)
    return [
        "--preset=mnist_conditional", "--dataset=arrays", "--held_out=0",
        f"--source={tmp_path / 'images.npy'}", f"--data_dir={tmp_path / 'data'}",
        f"--workdir={tmp_path / 'run'}", "--width_multiplier=0.0625", "--num_steps=1",
    ]  # fmt: skip


def test_data_without_labels_are_refused_before_anything_is_written(
    unlabelled, tmp_path, one_error
):
    message = one_error(train.main, *unlabelled)
    assert "images.npy has no labels, which a conditional network needs" in message
    files = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert files == ["images.npy"]
    assert not (tmp_path / "run").exists()


def test_a_store_without_labels_is_refused_before_the_run_s_folder(
    unlabelled, tmp_path, one_error
):
    config = cli.parse_run(unlabelled)
    build.prepare(data_config(config), show_progress=False)
    assert "has no labels" in one_error(train.main, *unlabelled)
    with pytest.raises(errors.InputError, match="has no labels"):
        loop.run(config)
    assert not (tmp_path / "run").exists()


def test_images_that_are_held_out_are_never_trained_on(make_flags):
    config = cli.parse_run(make_flags("mnist_mlp", "--held_out=1700"))
    store = stores.open_store(stores.store_path(config))
    seen = set()
    opened = feed.open_feed(store, config)
    for step in range(0, 12, 6):  # an epoch of 97 images is six minibatches of 16
        opened.ask(step, 6)
        chunk = opened.take()
        images = np.asarray(chunk.batches.images[:6])
        seen |= {image.tobytes() for image in images.reshape(-1, *store.image_shape)}
    opened.close()
    kept = {image.tobytes() for image in store.rows(np.arange(97)).images}
    assert seen <= kept
    assert len(seen) > 90


def test_what_is_held_out_makes_the_epochs_shorter(make_flags):
    flags = [f for f in make_flags("mnist_mlp") if "num_steps" not in f]
    config = cli.parse_run([*flags, "--num_epochs=2"])
    assert batches.count_run_steps(config, 1797 - 97) == 2 * (1700 // 16)


@pytest.mark.parametrize(
    ("flags", "folder"),
    [
        (["--preset=mnist_conditional"], "runs/mnist_conditional"),
        (
            ["--preset=mnist_conditional", "--dataset=fashion_mnist"],
            "runs/fashion_mnist-mnist_conditional",
        ),
        (
            ["--preset=goodfellow_faces", "--dataset=tfds:a/b"],
            "runs/tfds_a_b-goodfellow_faces",
        ),
        (["--dataset=mnist"], "runs/mnist"),
        (["--dataset=mnist", "--preset=svhn"], "runs/mnist"),
        (["--preset=mnist_conditional", "--workdir=x"], "x"),
    ],
    ids=str,
)
def test_a_recipe_has_a_folder_of_its_own(flags, folder):
    assert str(run_dir.workdir_of(cli.parse_run(flags))) == folder


def test_classes_that_the_config_denies_are_refused(make_flags, tmp_path):
    config = cli.parse_run(make_flags("mnist_mlp", f"--workdir={tmp_path / 'run'}"))
    with pytest.raises(errors.InputError, match="10 classes"):
        loop.run(dataclasses.replace(config, num_classes=3))
    assert not (tmp_path / "run").exists()


def test_a_run_s_config_tells_its_optimiser(runs):
    values = json.loads((runs["goodfellow_mnist"] / "config.json").read_text())
    assert values["adam"] is None
    assert values["sgd"]["decay_factor"] == 1.000004
    assert labels.settle_classes(presets.GOODFELLOW_MNIST, None).num_classes is None
