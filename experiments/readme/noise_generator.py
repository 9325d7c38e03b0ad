"""A generator with its initial parameters, to try the explorer's page on."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp

from dcgan_jax import models, presets
from dcgan_jax.runs import safetensors_file


def save_generator(path: Path, *, image_size: int) -> Path:
    """Write an untrained `folder` generator of a sixteenth of the width.

    Args:
        path: the file's path, which ends in .safetensors.
        image_size: the side of its pictures, in pixels.
    """
    config = dataclasses.replace(
        presets.find("folder", None, image_size=image_size), width_multiplier=1 / 16
    )
    network = models.make_generator(config)
    latents = jnp.zeros((2, config.latent_size))
    variables = jax.jit(lambda key: network.init(key, latents, train=True))(
        jax.random.key(0)
    )
    safetensors_file.save_network(path, dict(variables), config, step=0)
    return path
