"""What may be added to the discriminator's loss; none of it is the paper's."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array


class Judged(NamedTuple):
    """A minibatch, and how the discriminator scores such images.

    Attributes:
        images: (batch, height, width, channels), augmented where D sees them so.
        score: such images → (batch,) logits.
    """

    images: Array
    score: Callable[[Array], Array]


# (loss, real images, generated images, steps done) → the loss with its penalty.
Penalise = Callable[[Array, Judged, Judged, Array], Array]


def make_penalty(*, r1_gamma: float, r2_gamma: float, every: int) -> Penalise:
    """Return `(loss, real, fake, step) → loss with its penalty`.

    Args:
        r1_gamma: weight of the zero-centred gradient penalty on real images.
        r2_gamma: weight of the same on generated images; with both 0 the result is
            `leave_loss`.
        every: the penalty is taken at the steps that are multiples of this, with so
            many times its weight (Karras et al. 2020, appendix B, "lazy").
    """
    if r1_gamma == 0 and r2_gamma == 0:
        return leave_loss

    def penalty(real: Judged, fake: Judged) -> Array:
        total = jnp.zeros(())
        for gamma, judged in ((r1_gamma, real), (r2_gamma, fake)):
            if gamma:
                total += gamma / 2 * squared_slope(judged)
        return total

    def penalise(loss: Array, real: Judged, fake: Judged, step: Array) -> Array:
        if every == 1:
            return loss + penalty(real, fake)
        return loss + jax.lax.cond(
            step % every == 0,
            lambda: every * penalty(real, fake),
            lambda: jnp.zeros(()),
        )

    return penalise


def leave_loss(loss: Array, real: Judged, fake: Judged, step: Array) -> Array:
    """Return the loss as it is."""
    del real, fake, step
    return loss


def squared_slope(judged: Judged) -> Array:
    """Return E[‖∇D(x)‖²] over images, the logit's gradient by the pixels.

    It is R1 of real images, and R2 of generated ones.

    Returns:
        A scalar, for pixels in the generator's range. Where D normalises by its batch,
        an image's gradient is that of the sum of all logits of the batch.

    Source: Mescheder, Geiger & Nowozin 2018, Eq. 9.
    """
    gradients = jax.grad(lambda images: judged.score(images).sum())(judged.images)
    return jnp.square(gradients).sum((1, 2, 3)).mean()
