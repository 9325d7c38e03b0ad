"""What may be added to the discriminator's loss; none of it is the paper's."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Array = jax.Array
Score = Callable[[Array], Array]
Penalise = Callable[[Array, Score, Array], Array]


def make_penalty(*, r1_gamma: float) -> Penalise:
    """Return `(loss, score, real) → loss with its penalty`.

    Args:
        r1_gamma: weight of R1; 0 returns `leave_loss`.
    """
    if r1_gamma == 0:
        return leave_loss
    return lambda loss, score, real: loss + r1_gamma / 2 * r1(score, real)


def leave_loss(loss: Array, score: Score, real: Array) -> Array:
    """Return the loss as it is."""
    del score, real
    return loss


def r1(score: Score, real: Array) -> Array:
    """Return E[‖∇D(x)‖²] over real images, the logit's gradient by the pixels.

    Args:
        score: (batch, height, width, channels) → (batch,) logits.
        real: such images, augmented where D sees them so.

    Returns:
        A scalar, for pixels in the generator's range. Where D normalises by its batch,
        an image's gradient is that of the sum of all logits of the batch.

    Source: Mescheder, Geiger & Nowozin 2018, Eq. 9.
    """
    gradients = jax.grad(lambda images: score(images).sum())(real)
    return jnp.square(gradients).sum((1, 2, 3)).mean()
