"""Where latents lie."""

import dataclasses
import math

import jax
import numpy as np
import pytest

from dcgan_jax import models, presets


@pytest.mark.parametrize(
    ("distribution", "most"),
    [("uniform", 1.0), ("unit_uniform", math.sqrt(3.0)), ("normal", None)],
)
def test_latents_reach_to_their_bound_and_not_beyond(distribution, most):
    config = dataclasses.replace(presets.MNIST, latent_distribution=distribution)
    assert models.bound_latents(config) == most
    drawn = np.abs(models.make_latents(config)(jax.random.key(0), 100)).max()
    if most is None:
        assert drawn > 3
    else:
        assert 0.99 * most < drawn <= np.float32(most)
