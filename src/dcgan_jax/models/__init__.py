"""The networks, and the choice of a pair by a run's config."""

import importlib
import math
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax.architectures import ARCHITECTURES, PLAIN
from dcgan_jax.config import TrainConfig, is_conditional
from dcgan_jax.models import conditional_mnist, dcgan, goodfellow
from dcgan_jax.models.pair import Pair, image_shape
from dcgan_jax.system import backend, errors

Network = TypeVar("Network", bound=nn.Module)
# (key, count) → (count, latent_size)
DrawLatents = Callable[[jax.Array, int], jax.Array]


def make_pair(config: TrainConfig) -> Pair:
    """Build the networks of a run.

    Raises:
        InputError: if a conditional pair is not told the number of classes.
    """
    if is_conditional(config) and config.num_classes is None:
        raise errors.InputError(
            f"{config.architecture} needs the number of classes; num_classes is None."
        )
    module = ARCHITECTURES[config.architecture].module
    builder = importlib.import_module(f"{__name__}.{module}")
    made: Pair = builder.make_pair(config)
    return made


def make_generator(config: TrainConfig) -> dcgan.Generator:
    """Build a DCGAN's generator: (batch, latent_size) → (batch, size, size, channels).

    Raises:
        InputError: if the architecture is no unconditional DCGAN.
    """
    return _make_plain_pair(config)[0]


def make_discriminator(config: TrainConfig) -> dcgan.Discriminator:
    """Build a DCGAN's discriminator: images → ((batch,) logits, named activations).

    Raises:
        InputError: if the architecture is no unconditional DCGAN, or judges several
            images at once.
    """
    require_single(config)
    return _make_plain_pair(config)[1]


def judged_shape(config: TrainConfig) -> tuple[int, int, int]:
    """Return height, width and channels of what a discriminator judges at once."""
    height, width, channels = image_shape(config)
    return height, width, channels * config.packing


def for_inference(network: Network) -> Network:
    """Return a network in the precision in which it is applied without gradients.

    That is float32 on a CPU, where bfloat16 is 5 to 10 % slower and less exact.
    """
    if backend.is_accelerator() or not hasattr(network, "dtype"):
        return network
    return network.clone(dtype=jnp.dtype("float32"))


def can_judge_at_once(discriminator: nn.Module) -> bool:
    """Tell whether D's update passes both minibatches through it at once, and should.

    On one GPU that takes fewer kernels. Not where units are dropped, by a key for each
    minibatch; nor where each pass moves the estimate of a kernel's largest singular
    value; nor on several devices, which would have to exchange images.
    """
    return (
        backend.is_gpu()
        and jax.device_count() == 1
        and hasattr(discriminator, "num_batches")
        and not getattr(discriminator, "spectral_norm", False)
    )


def list_hidden_convolutions(generator: nn.Module) -> tuple[str, ...]:
    """Name the convolutions of a generator that make feature maps, lowest first.

    These are all but the last one, which makes the image. Their maps can be read and
    dropped; see `layers.expose_maps`.

    Raises:
        InputError: if it is no DCGAN.
    """
    if not isinstance(generator, dcgan.Generator | conditional_mnist.Generator):
        raise errors.InputError(
            "this run's generator is no DCGAN: feature maps can be read and dropped in"
            " those of small, dcgan64, imagenet32, svhn32 and conditional_mnist alone."
        )
    return tuple(f"conv{index}" for index in range(len(generator.convolutions) - 1))


def begins_at_means(config: TrainConfig) -> bool:
    """Tell whether a new generator is given the data's mean image to begin with."""
    spec = goodfellow.PAIRS.get(config.architecture)
    return spec is not None and spec.output == "sigmoid"


def bound_latents(config: TrainConfig) -> float | None:
    """Return the largest magnitude of a latent's numbers; None: there is none."""
    bounds = {"uniform": 1.0, "unit_uniform": math.sqrt(3.0), "normal": None}
    return bounds[config.latent_distribution]


def make_latents(config: TrainConfig) -> DrawLatents:
    """Return the function that draws latents: (key, count) → (count, latent_size)."""
    size, most = config.latent_size, bound_latents(config)
    if most is None:
        return lambda key, count: jax.random.normal(key, (count, size))
    return lambda key, count: jax.random.uniform(
        key, (count, size), minval=-most, maxval=most
    )


def require_plain(config: TrainConfig) -> None:
    """Raise an error unless a run's networks are an unconditional DCGAN.

    Raises:
        InputError: if they are not; the message names the architectures that are.
    """
    if config.conditional:
        raise errors.InputError(
            f"this {config.architecture} is conditional: it is told the labels of"
            " images. A DCGAN that is told nothing but images is expected here, from a"
            " run without --conditional."
        )
    if config.architecture not in PLAIN:
        raise errors.InputError(
            f"{config.architecture} is no plain DCGAN, which is expected here: one of "
            f"{', '.join(PLAIN)}."
        )


def require_single(config: TrainConfig) -> None:
    """Raise an error unless a run's discriminator judges each image by itself.

    Raises:
        InputError: if it does not.
    """
    if config.packing > 1:
        raise errors.InputError(
            f"this discriminator judges {config.packing} images at once (--packing), so"
            " that it has no score and no features of one; choose another run."
        )


def _make_plain_pair(
    config: TrainConfig,
) -> tuple[dcgan.Generator, dcgan.Discriminator]:
    require_plain(config)
    generator, discriminator = make_pair(config)
    assert isinstance(generator, dcgan.Generator)
    assert isinstance(discriminator, dcgan.Discriminator)
    return generator, discriminator
