"""The networks, and the choice of a pair by a run's config."""

from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax import backend
from dcgan_jax.config import TrainConfig
from dcgan_jax.models import convolution, dcgan, imagenet32

Network = TypeVar("Network", bound=nn.Module)

# Side of the smallest map and number of stride-2 blocks for each image size.
SHAPES = {28: (7, 2), 32: (4, 3), 48: (6, 3), 64: (4, 4), 96: (6, 4), 128: (4, 5)}

MAX_WIDTH = {"small": 256, "dcgan64": 1024, "imagenet32": 512, "svhn32": 256}
IMAGE_SIDE_WIDTH = {"small": 64, "dcgan64": 128, "imagenet32": 128, "svhn32": 64}


def make_generator(config: TrainConfig) -> dcgan.Generator:
    """Build the generator: (batch, latent_size) → (batch, size, size, channels)."""
    plan = _plan(config)
    widths = make_widths(config)
    base_size, _ = SHAPES[config.image_size]
    return dcgan.Generator(
        base_size=base_size,
        base_features=widths[-1],
        convolutions=plan.generator_layers(widths, config.channels),
        kernel_size=plan.KERNEL_SIZE,
        dtype=jnp.dtype(config.precision),
        formulation=convolution.choose_formulation(config.convolution),
    )


def make_discriminator(config: TrainConfig) -> dcgan.Discriminator:
    """Build the discriminator: images → ((batch,) logits, named activations)."""
    plan = _plan(config)
    return dcgan.Discriminator(
        convolutions=plan.discriminator_layers(make_widths(config)),
        kernel_size=plan.KERNEL_SIZE,
        dtype=jnp.dtype(config.precision),
        formulation=convolution.choose_formulation(config.convolution),
        input_bias=config.input_bias,
    )


def for_inference(network: Network) -> Network:
    """Return a network in the precision in which it is applied without gradients.

    XLA's CPU code is 5 to 10 % slower in bfloat16 there, and less exact: float32.
    """
    if backend.is_accelerator():
        return network
    return network.clone(dtype=jnp.dtype("float32"))


def make_widths(config: TrainConfig) -> tuple[int, ...]:
    """Return the feature maps of each stride-2 block, from the image's side inwards.

    They double from block to block up to the architecture's widest layer, so that other
    image sizes add or remove blocks: 64 pixels give the paper's 128, 256, 512, 1024.
    """
    _, num_blocks = SHAPES[config.image_size]
    first, most = (
        IMAGE_SIDE_WIDTH[config.architecture],
        MAX_WIDTH[config.architecture],
    )
    full = [min(first * 2**block, most) for block in range(num_blocks)]
    return tuple(max(1, round(width * config.width_multiplier)) for width in full)


def _plan(config: TrainConfig) -> ModuleType:
    return imagenet32 if config.architecture == "imagenet32" else dcgan


def make_latents(config: TrainConfig) -> Callable[[jax.Array, int], jax.Array]:
    """Return the function that draws latents: (key, count) → (count, latent_size)."""
    size = config.latent_size
    if config.latent_distribution == "normal":
        return lambda key, count: jax.random.normal(key, (count, size))
    return lambda key, count: jax.random.uniform(
        key, (count, size), minval=-1.0, maxval=1.0
    )
