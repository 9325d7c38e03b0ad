import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.models import pixels


@pytest.fixture
def photographs():
    """Images of different brightness and contrast."""
    rng = np.random.default_rng(0)
    middles = rng.uniform(60, 180, (5, 1, 1, 1))
    images = rng.normal(middles, rng.uniform(5, 50, (5, 1, 1, 1)), (5, 32, 32, 3))
    return np.clip(images, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("pixel_range", "expected"),
    [("tanh", [-1.0, -0.6, 1.0]), ("sigmoid", [0.0, 0.2, 1.0])],
)
def test_bytes_fill_the_range(pixel_range, expected):
    image = jnp.array([0, 51, 255], jnp.uint8).reshape(1, 3, 1)
    scaled = pixels.scale_images(image, pixel_range)
    np.testing.assert_allclose(np.ravel(scaled), expected, atol=1e-6)


@pytest.mark.parametrize("pixel_range", ["tanh", "sigmoid"])
def test_bytes_come_back_as_they_were(pixel_range):
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    scaled = pixels.scale_images(jnp.asarray(image), pixel_range)
    np.testing.assert_array_equal(pixels.to_uint8(scaled, pixel_range), image)


@pytest.mark.parametrize(
    ("pixel_range", "values", "levels"),
    [
        ("tanh", [-1.5, -1.0, -0.9961, 0.0, 0.5, 1.0], [0, 0, 0, 128, 191, 255]),
        ("sigmoid", [-0.5, 0.0, 0.0019, 0.0021, 0.5, 1.0], [0, 0, 0, 1, 128, 255]),
    ],
)
def test_numbers_are_rounded_to_the_nearest_level(pixel_range, values, levels):
    image = jnp.array(values).reshape(1, -1, 1)
    found = np.ravel(pixels.to_uint8(image, pixel_range))
    np.testing.assert_array_equal(found, levels)


def test_normalised_contrast_means_mean_0_and_length_55(photographs):
    # pylearn2's global_contrast_normalize with scale 55.
    flat = photographs.reshape(5, -1).astype(np.float64)
    centred = flat - flat.mean(axis=1, keepdims=True)
    exact = 55 * centred / np.sqrt((centred**2).sum(axis=1, keepdims=True))
    found = pixels.scale_images(jnp.asarray(photographs), "contrast")
    np.testing.assert_allclose(found.reshape(5, -1), exact, atol=1e-4)


def test_an_image_of_one_colour_has_no_contrast_to_normalise():
    plain = jnp.full((1, 4, 4, 3), 200, jnp.uint8)
    scaled = pixels.scale_images(plain, "contrast")
    assert not scaled.any()
    assert (pixels.to_uint8(scaled, "contrast") == 128).all()


def test_a_contrast_is_shown_around_the_middle_grey_up_to_black_or_white():
    image = jnp.array([-3.0, 0.0, 1.5, 1.0]).reshape(1, 2, 2, 1)
    found = np.ravel(pixels.to_uint8(image, "contrast"))
    np.testing.assert_array_equal(found, [0, 128, 191, 170])


def test_how_an_image_is_shown_does_not_depend_on_its_mates(photographs):
    scaled = pixels.scale_images(jnp.asarray(photographs), "contrast")
    together = pixels.to_uint8(scaled, "contrast")
    for index in range(len(photographs)):
        alone = pixels.to_uint8(scaled[index : index + 1], "contrast")
        np.testing.assert_array_equal(alone[0], together[index])
