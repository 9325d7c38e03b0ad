import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import datasets

from dcgan_jax.prepare.dedup import hashes
from dcgan_jax.prepare.dedup.hashes import Autoencoder, DedupConfig

SHORT = DedupConfig(num_steps=120, batch_size=32)


def draw_images(count, size, channels=3, seed=0):
    shape = (count, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def digits():
    pixels = datasets.load_digits().images[:400] * 15
    return pixels.astype(np.uint8)[..., None].repeat(4, axis=1).repeat(4, axis=2)


def average_areas(images, side):
    """Average over areas by the overlap of each target pixel with each source pixel."""
    size = images.shape[1]
    edges = np.arange(side + 1) * size / side
    source = np.arange(size)
    overlap = np.minimum(edges[1:, None], source + 1) - np.maximum(
        edges[:-1, None], source
    )
    weights = np.clip(overlap, 0, None) * side / size
    return np.einsum("ij,njkc,lk->nilc", weights, images / 255, weights)


@pytest.mark.parametrize(
    ("size", "side"), [(28, 28), (32, 32), (48, 32), (64, 32), (96, 32), (128, 32)]
)
def test_crops_are_averages_over_areas(size, side):
    images = draw_images(2, size)
    found = hashes.downsample(jnp.asarray(images))
    np.testing.assert_allclose(found, average_areas(images, side), atol=1e-6)


@pytest.mark.parametrize(("channels", "pixels"), [(3, 3072), (1, 1024)])
def test_the_network_has_the_paper_s_sizes_and_grey_a_third(channels, pixels):
    images = draw_images(2, 64, channels)
    vectors = hashes.make_vectors(jnp.asarray(images))
    assert vectors.shape == (2, pixels)
    weights = hashes.draw_autoencoder(jax.random.key(0), pixels)
    assert weights.encode.shape == (pixels, 128)
    assert weights.decode.shape == (128, pixels)


def test_brightness_and_contrast_are_taken_out():
    image = draw_images(1, 32) // 4
    images = np.concatenate([image, image + 100, image * 3])
    vectors = np.asarray(hashes.make_vectors(jnp.asarray(images)))
    np.testing.assert_allclose(vectors[1], vectors[0], atol=1e-4)
    assert np.corrcoef(vectors[0], vectors[2])[0, 1] > 0.9999
    np.testing.assert_allclose(vectors.mean(axis=1), 0, atol=1e-5)


def test_a_flat_image_is_zero():
    flat = np.full((1, 32, 32, 3), 77, np.uint8)
    vectors = hashes.make_vectors(jnp.asarray(flat))
    np.testing.assert_allclose(vectors, 0, atol=1e-4)


def draw_weights(pixels, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(pixels, 128), (128,), (128, pixels), (pixels,)]
    return Autoencoder(*(rng.normal(0, 0.3, s).astype(np.float32) for s in shapes))


def test_without_noise_the_loss_is_that_of_a_plain_autoencoder():
    weights, vectors = draw_weights(12), np.float32(np.eye(12)[:5])
    quiet = dataclasses.replace(SHORT, noise=0.0, dropout=0.0)
    found = hashes.measure_loss(
        quiet, jax.tree.map(jnp.asarray, weights), vectors, jax.random.key(0)
    )
    code = np.maximum(vectors @ weights.encode + weights.encode_bias, 0)
    rebuilt = code @ weights.decode + weights.decode_bias
    assert float(found) == pytest.approx(((rebuilt - vectors) ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize("change", [{"noise": 0.0}, {"dropout": 0.0}])
def test_noise_and_dropout_each_disturb_the_loss(change):
    config = dataclasses.replace(SHORT, **change)
    weights = jax.tree.map(jnp.asarray, draw_weights(12))
    losses = {
        float(hashes.measure_loss(config, weights, jnp.eye(12), jax.random.key(seed)))
        for seed in range(3)
    }
    assert len(losses) == 3


def test_a_hash_is_the_signs_of_the_code_s_units():
    images = draw_images(3, 32)
    weights = draw_weights(3072)
    vectors = np.asarray(hashes.make_vectors(jnp.asarray(images)), np.float64)
    expected = np.packbits(vectors @ weights.encode + weights.encode_bias > 0, axis=1)
    found = hashes.hash_images(weights, images)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


@pytest.mark.long
def test_training_rebuilds_clean_images_from_noisy_ones(digits):
    weights = jax.tree.map(jnp.asarray, hashes.learn_autoencoder(SHORT, digits))
    vectors = hashes.make_vectors(jnp.asarray(digits))
    loss = hashes.measure_loss(SHORT, weights, vectors, jax.random.key(9))
    # Rebuilding nothing leaves the whole variance.
    assert float(loss) < 0.7 * float(jnp.square(vectors).mean())


def test_training_is_a_function_of_seed_and_images(digits):
    short = dataclasses.replace(SHORT, num_steps=3)
    first, again = (
        hashes.learn_autoencoder(short, digits),
        hashes.learn_autoencoder(short, digits),
    )
    other = hashes.learn_autoencoder(dataclasses.replace(short, seed=1), digits)
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, three)


def test_progress_counts_every_update(digits):
    counted = []
    hashes.learn_autoencoder(SHORT, digits, advance=counted.append)
    assert sum(counted) == SHORT.num_steps
