"""The networks, and the choice of a pair by a run's config."""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax.config import CONDITIONAL, PLAIN, TrainConfig
from dcgan_jax.models import (
    conditional_mnist,
    convolution,
    dcgan,
    goodfellow,
    imagenet32,
    mlp_gan,
)
from dcgan_jax.system import backend, errors

Network = TypeVar("Network", bound=nn.Module)
# (key, count) → (count, latent_size)
DrawLatents = Callable[[jax.Array, int], jax.Array]

# Side of the smallest map and number of stride-2 blocks for each image size.
SHAPES = {28: (7, 2), 32: (4, 3), 48: (6, 3), 64: (4, 4), 96: (6, 4), 128: (4, 5)}

MAX_WIDTH = {
    "small": 256, "dcgan64": 1024, "imagenet32": 512, "svhn32": 256,
    "conditional_mnist": 256,
}  # fmt: skip
IMAGE_SIDE_WIDTH = {
    "small": 64, "dcgan64": 128, "imagenet32": 128, "svhn32": 64,
    "conditional_mnist": 64,
}  # fmt: skip
# Units of the conditional networks' dense layers; mnist/train_cond_dcgan.py:40-41.
HIDDEN_UNITS = 1024


class Pair(NamedTuple):
    """Two networks that are trained against each other.

    Attributes:
        generator: (latents, labels or None) → images; it states its `pixel_range`.
        discriminator: (images, labels or None) → ((batch,) logits, named activations).
    """

    generator: nn.Module
    discriminator: nn.Module


def make_pair(config: TrainConfig) -> Pair:
    """Build the networks of a run.

    Raises:
        InputError: if a conditional pair is not told the number of classes.
    """
    if config.architecture in CONDITIONAL and config.num_classes is None:
        raise errors.InputError(
            f"{config.architecture} needs the number of classes; num_classes is None."
        )
    if config.architecture == "conditional_mnist":
        return _make_conditional_pair(config)
    if config.architecture == "mlp_gan":
        return _make_mlp_pair(config)
    if config.architecture in goodfellow.PLANS:
        return _make_goodfellow_pair(config)
    return Pair(make_generator(config), make_discriminator(config))


def make_generator(config: TrainConfig) -> dcgan.Generator:
    """Build a DCGAN's generator: (batch, latent_size) → (batch, size, size, channels).

    Raises:
        InputError: if the architecture is no unconditional DCGAN.
    """
    plan = _plan(config)
    base_size, _ = SHAPES[config.image_size]
    widths = make_widths(config)
    return dcgan.Generator(
        base_size=base_size,
        base_features=widths[-1],
        convolutions=plan.generator_layers(widths, config.channels),
        kernel_size=plan.KERNEL_SIZE,
        bn_affine=config.bn_affine,
        bn_hidden=config.batch_norm != "not_in_generator",
        bn_output=config.batch_norm == "all",
        **_computation(config),
    )


def make_discriminator(config: TrainConfig) -> dcgan.Discriminator:
    """Build a DCGAN's discriminator: images → ((batch,) logits, named activations).

    Raises:
        InputError: if the architecture is no unconditional DCGAN.
    """
    plan = _plan(config)
    return dcgan.Discriminator(
        convolutions=plan.discriminator_layers(make_widths(config)),
        kernel_size=plan.KERNEL_SIZE,
        input_bias=config.input_bias,
        bn_affine=config.bn_affine,
        bn_input=config.batch_norm == "all",
        spectral_norm=config.spectral_norm,
        global_average=config.disc_pooling == "global_average",
        **_computation(config),
    )


def for_inference(network: Network) -> Network:
    """Return a network in the precision in which it is applied without gradients.

    XLA's CPU code is 5 to 10 % slower in bfloat16 there, and less exact: float32.
    """
    if backend.is_accelerator() or not hasattr(network, "dtype"):
        return network
    return network.clone(dtype=jnp.dtype("float32"))


def list_hidden_convolutions(generator: nn.Module) -> tuple[str, ...]:
    """Name the convolutions of a generator that make feature maps, lowest first.

    All but the last, which makes the image; these maps can be read and dropped, see
    `layers.expose_maps`.

    Raises:
        InputError: if it is no DCGAN.
    """
    if not isinstance(generator, dcgan.Generator | conditional_mnist.Generator):
        raise errors.InputError(
            "this run's generator is no DCGAN: feature maps can be read and dropped in"
            " those of small, dcgan64, imagenet32, svhn32 and conditional_mnist alone."
        )
    return tuple(f"conv{index}" for index in range(len(generator.convolutions) - 1))


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
    return tuple(_scale(width, config) for width in full)


def begins_at_means(config: TrainConfig) -> bool:
    """Tell whether a new generator is given the data's mean image to begin with."""
    plan = goodfellow.PLANS.get(config.architecture)
    return plan is not None and plan.output == "sigmoid"


def make_latents(config: TrainConfig) -> DrawLatents:
    """Return the function that draws latents: (key, count) → (count, latent_size)."""
    size = config.latent_size
    if config.latent_distribution == "normal":
        return lambda key, count: jax.random.normal(key, (count, size))
    most = {"uniform": 1.0, "unit_uniform": math.sqrt(3.0)}[config.latent_distribution]
    return lambda key, count: jax.random.uniform(
        key, (count, size), minval=-most, maxval=most
    )


def _make_conditional_pair(config: TrainConfig) -> Pair:
    widths = make_widths(config)
    base_size, _ = SHAPES[config.image_size]
    shared: dict[str, Any] = {
        "num_classes": config.num_classes,
        "hidden_units": _scale(HIDDEN_UNITS, config),
        "kernel_size": dcgan.KERNEL_SIZE,
        "bn_affine": config.bn_affine,
        **_computation(config),
    }
    return Pair(
        conditional_mnist.Generator(
            base_size=base_size,
            base_features=widths[-1],
            convolutions=dcgan.generator_layers(widths, config.channels),
            **shared,
        ),
        conditional_mnist.Discriminator(
            convolutions=dcgan.discriminator_layers(widths),
            input_bias=config.input_bias,
            **shared,
        ),
    )


def _make_mlp_pair(config: TrainConfig) -> Pair:
    shared: dict[str, Any] = {
        "num_classes": config.num_classes,
        "hidden_units": (_scale(HIDDEN_UNITS, config),) * 2,
    }
    return Pair(
        mlp_gan.Generator(
            image_shape=_image_shape(config), bn_affine=config.bn_affine, **shared
        ),
        mlp_gan.Discriminator(input_bias=config.input_bias, **shared),
    )


def _make_goodfellow_pair(config: TrainConfig) -> Pair:
    plan = goodfellow.PLANS[config.architecture]
    deconvolves = bool(plan.blocks)
    hidden = [
        layer._replace(units=_scale(layer.units, config)) for layer in plan.hidden
    ]
    if deconvolves:  # whole maps
        places = goodfellow.DECONV_BASE**2
        maps = _scale(plan.hidden[-1].units // places, config)
        hidden[-1] = hidden[-1]._replace(units=maps * places)
    return Pair(
        goodfellow.Generator(
            hidden=tuple(hidden),
            output=plan.output,
            output_limit=plan.output_limit,
            image_shape=_image_shape(config),
            deconvolves=deconvolves,
            **_computation(config),
        ),
        goodfellow.Discriminator(
            blocks=tuple(
                block._replace(features=_scale(block.features, config))
                for block in plan.blocks
            ),
            maxout_units=tuple(_scale(units, config) for units in plan.maxout_units),
            input_bias=config.input_bias,
            **_computation(config),
        ),
    )


def _plan(config: TrainConfig) -> ModuleType:
    if config.architecture not in PLAIN:
        raise errors.InputError(
            f"{config.architecture} is no plain DCGAN, which is expected here: one of "
            f"{', '.join(PLAIN)}."
        )
    return imagenet32 if config.architecture == "imagenet32" else dcgan


def _computation(config: TrainConfig) -> dict[str, Any]:
    return {
        "dtype": jnp.dtype(config.precision),
        "formulation": convolution.choose_formulation(config.convolution),
    }


def _image_shape(config: TrainConfig) -> tuple[int, int, int]:
    return config.image_size, config.image_size, config.channels


def _scale(width: int, config: TrainConfig) -> int:
    return max(1, round(width * config.width_multiplier))
