"""A small conditional generator that nobody has trained."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from dcgan_jax import models, presets
from dcgan_jax.runs.load import LoadedGenerator


@pytest.fixture(scope="session")
def conditional():
    config = dataclasses.replace(
        presets.find("mnist", "mnist_conditional", image_size=None),
        num_classes=10,
        width_multiplier=0.0625,
    )
    network, draw = models.make_pair(config).generator, models.make_latents(config)
    variables = network.init(
        jax.random.key(0), draw(jax.random.key(1), 2), jnp.zeros(2, int), train=True
    )
    return LoadedGenerator(network, dict(variables), draw, config, 0)
