import dataclasses
import functools
import json

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import cli, config as configs, models, presets
from dcgan_jax.data import store as stores
from dcgan_jax.runs import reading
from dcgan_jax.system import errors
from dcgan_jax.visualize import __main__ as visualize, filter_figure, filters
from dcgan_jax.visualize.filters import FiltersConfig

main = functools.partial(cli.run_command, commands=visualize.COMMANDS)
main.__module__ = visualize.__name__
NUM_IMAGES = 300


@pytest.fixture(scope="module")
def config(tiny_run, tmp_path_factory):
    return FiltersConfig(
        run=str(tiny_run.workdir),
        filters="0,5,15",
        num_images=NUM_IMAGES,
        out=tmp_path_factory.mktemp("filters") / "filters.png",
    )


@pytest.fixture(scope="module")
def measured(config):
    return filters.draw_figure(config)


@pytest.fixture(scope="module")
def picture(measured):
    """The picture with a dot for each pixel."""
    return measured.draw(1)


def test_the_picture_has_a_row_for_every_filter_and_both_halves(picture):
    # 3 rows of three digits, and of their gradients, twice; under a strip of 36.
    block = 3 * 32 + 2
    assert picture.shape[0] == 36 + 3 * (block + 8)
    assert picture.shape[1] == 48 + 2 * (2 * block + 8 + 32)


def test_random_and_trained_filters_differ(measured, picture):
    half = (picture.shape[1] - 48) // 2
    left = picture[36:, 48 : 48 + half]
    right = picture[36:, 48 + half :]
    assert left.shape == right.shape
    assert (left != right).any()
    assert measured.numbers["random"] != measured.numbers["trained"]


def test_numbers_are_there_for_every_filter(measured):
    assert measured.numbers["filters"] == [0, 5, 15]
    assert measured.numbers["num_images"] == NUM_IMAGES
    assert measured.numbers["weights"].endswith("(step 20)")
    for name in ("random", "trained"):
        about = measured.numbers[name]
        assert len(about["lead"]) == 3
        assert all(0.5 < lead < 20 for lead in about["lead"])
        assert 9 <= about["distinct_images"] <= 27 == about["shown_images"]


def test_the_images_shown_first_are_those_of_largest_response(config, picture):
    """Normalised by these images themselves, as one batch, in plain flax."""
    found, arrays, _ = reading.read_run(config.run, step=None)
    data = stores.open_store(stores.store_path(filters.find_data(config)))
    images = data.rows(np.arange(NUM_IMAGES)).images
    network = models.make_discriminator(found)
    variables = reading.pick_variables(arrays, "disc")
    (_, activations), _ = network.apply(
        variables, images / np.float32(127.5) - 1, train=True, mutable=["batch_stats"]
    )
    responses = np.asarray(activations["conv2"]).max(axis=(1, 2))[:, 5]
    shown = picture[36 + 106 :][:32, -(2 * 98 + 8 + 32) :][:, :32, 0]
    place = [np.array_equal(shown, image[..., 0]) for image in images].index(True)
    # The network's statistics are means over two batches, these are over all at once.
    assert place in np.argsort(-responses)[:3]


def test_the_first_layers_have_filters_of_their_own(config):
    shallow = dataclasses.replace(config, num_layers=1, filters="0,3", num_images=9)
    about = filters.draw_figure(shallow).numbers
    assert about["trained"]["distinct_images"] == 9
    with pytest.raises(errors.InputError, match="4 filters; expected 0 … 3"):
        filters.find_data(dataclasses.replace(shallow, filters="4"))


def test_a_second_time_nothing_passes_the_networks(config, measured, monkeypatch):
    monkeypatch.setattr(filter_figure.extract, "in_batches", None)
    again = filters.draw_figure(config)
    np.testing.assert_array_equal(again.draw(1), measured.draw(1))


@pytest.mark.parametrize(("flags", "scale"), [((), 2), (("--scale=3",), 3)])
def test_the_command_writes_the_picture(flags, scale, config, measured, run_command):
    ended = run_command(
        main, "filters", config.run, "--filters=0,5,15", f"--num_images={NUM_IMAGES}",
        f"--out={config.out}", *flags,
    )  # fmt: skip
    assert ended.code == 0
    assert "filter   15  lead" in ended.out
    with Image.open(config.out) as picture:
        assert min(picture.size) >= 512
        np.testing.assert_array_equal(np.asarray(picture), measured.draw(scale))


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--filters=0,16", "--filters has 16, but the last convolution"),
        ("--filters=first", "numbers with commas"),
        ("--filters=-1", "numbers with commas"),
        ("--num_images=8", "--num_images=8"),
        ("--out=filters.gif", "must end in .png"),
        ("--num_layers=4", "--num_layers=4, but the discriminator"),
        ("--step=7", "no checkpoint of step 7"),
    ],
)
def test_bad_flags_are_told(flag, told, config, run_command):
    ended = run_command(main, "filters", config.run, flag)
    assert ended.code == 2
    assert told in ended.err


def test_a_conditional_discriminator_is_refused(tmp_path):
    recipe = dataclasses.replace(presets.MNIST_CONDITIONAL, num_classes=10)
    (tmp_path / "config.json").write_text(json.dumps(configs.to_json(recipe)))
    config = FiltersConfig(run=str(tmp_path))
    with pytest.raises(errors.InputError, match="no plain DCGAN"):
        filters.find_data(config)


def test_the_authors_discriminator_takes_other_images_in_its_own_form():
    config = FiltersConfig(run="authors_svhn", dataset="digits", upscale=True)
    data = filters.find_data(config)
    assert (data.dataset, data.image_size, data.channels) == ("digits", 32, 3)
    assert data.upscale
