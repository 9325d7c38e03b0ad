import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.sample import draw as sampling

CONFIG = dataclasses.replace(presets.SVHN, width_multiplier=1 / 16, convolution="lax")


@pytest.fixture(scope="module")
def generator(draw_state):
    """A network, its variables and a function that draws its latents."""
    nets = make_nets(CONFIG, num_steps=1)
    gen = draw_state(nets, image_shape=(32, 32, 3)).gen
    variables = {"params": gen.params, "batch_stats": gen.batch_stats}
    return nets.generator, variables, nets.draw_latents


@pytest.fixture(scope="module")
def latents(generator):
    return sampling.draw_first_latents(generator[2], jax.random.key(0), 70)


@pytest.fixture(scope="module")
def images(generator, latents):
    network, variables, _ = generator
    return sampling.make_sampler(network)(variables, latents)


def test_images_are_uint8_and_as_many_as_latents(images):
    assert images.dtype == np.uint8
    assert images.shape == (70, 32, 32, 3)


def test_images_differ(images):
    assert len({image.tobytes() for image in images}) == 70


@pytest.mark.parametrize("index", [0, 63, 64, 69])
def test_an_image_alone_equals_itself_in_a_batch(index, generator, latents, images):
    network, variables, _ = generator
    alone = sampling.make_sampler(network)(variables, latents[index : index + 1])
    np.testing.assert_array_equal(alone[0], images[index])


def test_an_image_does_not_depend_on_its_place(generator, latents, images):
    network, variables, _ = generator
    reverse = sampling.make_sampler(network)(variables, latents[::-1])
    np.testing.assert_array_equal(reverse[::-1], images)


def test_images_are_the_stored_statistics_generator_s_to_a_grey_level(
    generator, latents, images
):
    network, variables, _ = generator
    exact = network.apply(variables, jnp.asarray(latents[:4]), train=False)
    grey = (np.asarray(exact, np.float64) + 1) * 127.5
    assert np.abs(images[:4] - grey).max() <= 0.51


@pytest.mark.parametrize("count", [1, 63, 64, 65])
def test_the_first_latents_are_the_same_however_many_are_drawn(
    count, generator, latents
):
    fewer = sampling.draw_first_latents(generator[2], jax.random.key(0), count)
    np.testing.assert_array_equal(fewer, latents[:count])


def test_batch_statistics_make_an_image_depend_on_its_mates(generator, latents):
    network, variables, _ = generator
    first, second = (
        sampling.sample_with_batch_statistics(network, variables, latents[:count])
        for count in (4, 8)
    )
    assert (first != second[:4]).any()


@pytest.fixture(scope="module")
def conditional(draw_state):
    """A conditional network, its variables and 70 latents."""
    config = dataclasses.replace(
        presets.MNIST_CONDITIONAL, width_multiplier=1 / 16, num_classes=3
    )
    nets = make_nets(config, num_steps=1)
    gen = draw_state(nets, image_shape=(28, 28, 1)).gen
    variables = {"params": gen.params, "batch_stats": gen.batch_stats}
    latents = sampling.draw_first_latents(nets.draw_latents, jax.random.key(0), 70)
    return nets.generator, variables, latents


def test_an_image_depends_on_its_own_label_alone(conditional):
    network, variables, latents = conditional
    draw = sampling.make_sampler(network)
    turns = np.arange(70, dtype=np.int32) % 3
    images = draw(variables, latents, turns)
    assert images.shape == (70, 28, 28, 1)
    for label in range(3):
        same = draw(variables, latents, np.full(70, label, np.int32))
        equal = (same == images).all((1, 2, 3))
        np.testing.assert_array_equal(equal, turns == label)


def test_a_sigmoid_s_images_are_stretched_from_0_to_1(conditional):
    network, variables, latents = conditional
    labels = np.zeros(4, np.int32)
    exact = network.apply(variables, jnp.asarray(latents[:4]), labels, train=False)
    images = sampling.make_sampler(network)(variables, latents[:4], labels)
    assert np.abs(images - 255 * np.asarray(exact, np.float64)).max() <= 0.51


def test_batch_statistics_heed_labels_too(conditional):
    network, variables, latents = conditional
    first, second = (
        sampling.sample_with_batch_statistics(
            network, variables, latents[:4], np.full(4, label, np.int32)
        )
        for label in (0, 1)
    )
    assert (first != second).any()


def test_a_conditional_generator_without_labels_says_what_it_lacks(conditional):
    network, variables, latents = conditional
    with pytest.raises(ValueError, match="labels must be given, each in 0 … 2"):
        sampling.make_sampler(network)(variables, latents)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_is_not_taken_for_none(label, conditional):
    network, variables, latents = conditional
    labels = np.full(len(latents), label)
    with pytest.raises(ValueError, match="each in 0 … 2"):
        sampling.make_sampler(network)(variables, latents, labels)


def test_one_image_repeated_has_no_diversity(images):
    assert sampling.measure_diversity(images[:1].repeat(5, 0)) == 0.0


def test_diversity_is_the_deviation_over_images():
    images = np.zeros((2, 1, 2, 1), np.uint8)
    images[1, 0, :, 0] = [10, 30]
    assert sampling.measure_diversity(images) == pytest.approx((5 + 15) / 2)


def test_on_a_cpu_images_are_generated_in_float32_whatever_trained_them():
    network = models.make_generator(
        dataclasses.replace(presets.DIGITS, width_multiplier=0.0625)
    )
    half = network.clone(dtype=jnp.dtype("bfloat16"))
    latents = np.random.default_rng(0).uniform(-1, 1, (3, 100)).astype(np.float32)
    variables = network.init(jax.random.key(0), latents, train=True)
    a, b = (sampling.make_sampler(net)(variables, latents) for net in (network, half))
    np.testing.assert_array_equal(a, b)
