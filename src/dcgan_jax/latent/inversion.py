"""The latent whose image is nearest to a given one, by gradient descent.

Arrays in, arrays out: `dcgan latent invert` reads and writes the files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dcgan_jax.system import backend

Array = jax.Array

_LEARNING_RATE = 0.05  # ours: of latents whose coordinates are about 1
_LEAST_SQUARE = 1e-6  # of features that are nearly all 0


class Networks(NamedTuple):
    """What an image is compared by.

    Attributes:
        draw: latents (count, latent_size) → images (count, height, width, channels) as
            the network draws them.
        describe: such images → the discriminator's activations, (count, …) each; None
            where there is no discriminator.
        bound: the largest size of a latent's coordinate; None where there is none.
    """

    draw: Callable[[Array], Array]
    describe: Callable[[Array], Sequence[Array]] | None
    bound: float | None


class Descent(NamedTuple):
    """How far a descent has come.

    Attributes:
        step: the number of steps that were taken.
        latent: (latent_size,), the best one.
        image: (height, width, channels), its image as the network draws it.
        loss: its loss.
        pixel_error: the root mean square difference of its image, in the network's
            range.
    """

    step: int
    latent: np.ndarray
    image: np.ndarray
    loss: float
    pixel_error: float


def measure(
    networks: Networks, target: Array, latents: Array, *, feature_weight: float
) -> Array:
    """Return the loss of each latent, (count,).

    It is the mean squared difference of the pixels, and `feature_weight` times that of
    the discriminator's activations, of each layer as a share of the target's own mean
    square and then averaged over the layers.

    Args:
        networks: the networks.
        target: (height, width, channels), the given image as the network draws images.
        latents: (count, latent_size).
        feature_weight: at least 0; 0 leaves the pixels alone.
    """
    images = networks.draw(latents)
    loss = jnp.square(images - target[None]).mean(axis=(1, 2, 3))
    if networks.describe is None or not feature_weight:
        return loss
    wanted = networks.describe(target[None])
    shares = []
    for layer, own in zip(networks.describe(images), wanted, strict=True):
        axes = tuple(range(1, layer.ndim))
        size = jnp.maximum(jnp.square(own).mean(), _LEAST_SQUARE)
        shares.append(jnp.square(layer - own).mean(axis=axes) / size)
    return loss + feature_weight * jnp.stack(shares).mean(axis=0)


class DescentPlan(NamedTuple):
    """How a latent is looked for.

    Attributes:
        num_starts: the number of descents, which go on side by side.
        num_steps: the steps of each.
        steps_between: the number of steps from one report to the next.
        feature_weight: see `measure`.
    """

    num_starts: int
    num_steps: int
    steps_between: int
    feature_weight: float


def invert(
    make_networks: Callable[[Any], Networks],
    variables: Mapping[str, Any],
    target: np.ndarray,
    candidates: np.ndarray,
    plan: DescentPlan,
) -> Iterator[Descent]:
    """Descend from the nearest of some latents; yield how far it has come.

    Adam's rate falls to 0 along a cosine. After each step latents are cut to the bound.

    Args:
        make_networks: variables → networks; called within a compiled function.
        variables: the networks' parameters and statistics.
        target: (height, width, channels) float32, as the network draws images.
        candidates: (count, latent_size), from which the nearest are taken; count is a
            multiple of the number of descents.
        plan: how many descents and steps.

    Yields:
        The start, and then the best latent after every so many steps.
    """
    optimizer = optax.adam(optax.cosine_decay_schedule(_LEARNING_RATE, plan.num_steps))
    wanted = jnp.asarray(target, jnp.float32)
    weight = plan.feature_weight

    @backend.jit
    def look(variables: Any, latents: Array) -> tuple[Array, Array, Array]:
        networks = make_networks(variables)
        losses = measure(networks, wanted, latents, feature_weight=weight)
        image = networks.draw(latents)[losses.argmin()]
        return losses, image, jnp.sqrt(jnp.square(image - wanted).mean())

    @backend.jit
    def descend(variables: Any, latents: Array, state: Any, length: Array) -> Any:
        networks = make_networks(variables)

        def total(latents: Array) -> Array:
            return measure(networks, wanted, latents, feature_weight=weight).sum()

        def step(_: Array, carry: tuple[Array, Any]) -> tuple[Array, Any]:
            latents, state = carry
            updates, state = optimizer.update(jax.grad(total)(latents), state)
            moved = latents + updates
            if networks.bound is not None:
                moved = jnp.clip(moved, -networks.bound, networks.bound)
            return moved, state

        return jax.lax.fori_loop(0, length, step, (latents, state))

    size = plan.num_starts
    whole = np.split(candidates, len(candidates) // size)
    losses = np.concatenate([np.asarray(look(variables, block)[0]) for block in whole])
    nearest = np.argsort(losses)[:size]
    latents = jnp.asarray(np.concatenate(whole)[nearest])
    state, taken = optimizer.init(latents), 0
    while True:
        found, image, error = look(variables, latents)
        best = int(np.argmin(np.asarray(found)))
        latent = np.asarray(latents[best])
        yield Descent(
            taken, latent, np.asarray(image), float(found[best]), float(error)
        )
        if taken == plan.num_steps:
            return
        length = min(plan.steps_between, plan.num_steps - taken)
        latents, state = descend(variables, latents, state, jnp.int32(length))
        taken += length
