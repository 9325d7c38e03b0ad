"""A network's pass in training, which moves its statistics, and its update after it."""

from typing import Any

import jax
import optax
from flax import linen as nn

from dcgan_jax.gan.state import NetState

Array = jax.Array
PyTree = Any


def generate(
    generator: nn.Module,
    gen: NetState,
    params: PyTree,
    latents: Array,
    labels: Array | None,
) -> tuple[Array, PyTree]:
    """Return images normalised by their batch, and the moved running statistics.

    Args:
        generator: the network.
        gen: whose running statistics move.
        params: of the network, in place of those of `gen`.
        latents: (batch, latent_size).
        labels: (batch,) or None.
    """
    images, moved = generator.apply(
        {"params": params, "batch_stats": gen.batch_stats},
        latents,
        labels,
        train=True,
        mutable=["batch_stats"],
    )
    return images, moved.get("batch_stats", {})


def judge(
    discriminator: nn.Module,
    params: PyTree,
    batch_stats: PyTree,
    images: Array,
    labels: Array | None,
    dropout_key: Array,
) -> tuple[Array, PyTree]:
    """Return logits under the images' own statistics, and the moved running ones.

    Args:
        discriminator: the network.
        params: of the network.
        batch_stats: the running statistics before.
        images: (batch, height, width, channels) in the generator's range.
        labels: (batch,) or None.
        dropout_key: for networks that drop units.
    """
    (logits, _), moved = discriminator.apply(
        {"params": params, "batch_stats": batch_stats},
        images,
        labels,
        train=True,
        mutable=["batch_stats"],
        rngs={"dropout": dropout_key},
    )
    return logits, moved.get("batch_stats", {})


def update(
    optimizer: optax.GradientTransformation,
    net: NetState,
    gradients: PyTree,
    *,
    batch_stats: PyTree,
) -> NetState:
    """Move a network along its gradients and take over its new statistics."""
    updates, opt_state = optimizer.update(gradients, net.opt_state, net.params)
    return NetState(
        params=optax.apply_updates(net.params, updates),
        batch_stats=batch_stats,
        opt_state=opt_state,
    )
