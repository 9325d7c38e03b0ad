"""Samples by number are those that `dcgan_jax.sample` draws."""

import numpy as np
import pytest

from dcgan_jax.gan import keys
from dcgan_jax.runs import load as loading
from dcgan_jax.sample import draw as sampling, labels
from dcgan_jax.sample.numbered import SampleStream

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def samples(conditional):
    return SampleStream(conditional, seed=3)


def test_they_are_those_of_sample(conditional, samples):
    key = keys.make_key(3, keys.Purpose.SAMPLES)
    latents = sampling.draw_first_latents(conditional.draw_latents, key, 300)
    chosen = labels.choose(None, num_classes=10, count=300)
    drawn = sampling.make_sampler(conditional.network)(
        conditional.variables, latents, chosen
    )
    found = samples.images(300)
    assert found.shape == drawn.shape
    assert np.abs(found.astype(int) - drawn).max() <= 1
    np.testing.assert_array_equal(samples.labels(np.arange(300)), chosen)


def test_a_block_can_be_drawn_alone(samples):
    np.testing.assert_array_equal(samples.block(256, 300), samples.images(556)[256:])
    np.testing.assert_array_equal(samples.block(64, 70), samples.images(134)[64:])


def test_a_block_begins_where_latents_do(samples):
    with pytest.raises(ValueError, match="no multiple of 64"):
        samples.block(32, 10)


def test_an_unconditional_generator_has_samples_but_no_labels(tiny_run):
    loaded = loading.load_generator(str(tiny_run.workdir), weights_dir=None, step=None)
    samples = SampleStream(loaded, seed=0)
    assert samples.images(2).shape == (2, 32, 32, 1)
    with pytest.raises(ValueError, match="no labels"):
        samples.labels(np.arange(2))
