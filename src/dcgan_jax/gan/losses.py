"""The two players' objectives (Goodfellow et al. 2014, Eq. 1), from logits.

With D(x) = sigmoid(logit), log D = log_sigmoid(logit) and log(1 - D) =
log_sigmoid(-logit): nothing is ever rounded to 0 before its logarithm is taken.

The losses of the generator are given the logits of real images too, which the
relativistic one reads. The hinge and the relativistic losses are not the paper's.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array


def discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """Return -E[log D(x)] - E[log(1 - D(G(z)))], to be minimised by D.

    Args:
        real_logits: (batch,) for images of the data set.
        fake_logits: (batch,) for generated ones.

    Returns:
        A scalar in nats; 2 log 2 where D cannot tell them apart.
    """
    real = -jax.nn.log_sigmoid(real_logits).mean()
    fake = -jax.nn.log_sigmoid(-fake_logits).mean()
    return real + fake


def generator_non_saturating(real_logits: Array, fake_logits: Array) -> Array:
    """Return -E[log D(G(z))], whose gradient stays strong while D wins.

    Source: Goodfellow et al. 2014, §3; faces/train_uncond_dcgan.py:136-152.
    """
    del real_logits
    return -jax.nn.log_sigmoid(fake_logits).mean()


def generator_minimax(real_logits: Array, fake_logits: Array) -> Array:
    """Return E[log(1 - D(G(z)))], the generator's side of Eq. 1 as it stands."""
    del real_logits
    return jax.nn.log_sigmoid(-fake_logits).mean()


def discriminator_hinge(real_logits: Array, fake_logits: Array) -> Array:
    """Return E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], D the logit.

    Source: Miyato et al. 2018, Eq. 16.
    """
    return jax.nn.relu(1 - real_logits).mean() + jax.nn.relu(1 + fake_logits).mean()


def generator_hinge(real_logits: Array, fake_logits: Array) -> Array:
    """Return -E[D(G(z))], D the logit.

    Source: Miyato et al. 2018, Eq. 17.
    """
    del real_logits
    return -fake_logits.mean()


def discriminator_relativistic(real_logits: Array, fake_logits: Array) -> Array:
    """Return E[log(1 + exp(D(G(z)) − D(x)))] over every pair of the batch, D the logit.

    Each real image is to be scored above each generated one, wherever 0 is.

    Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), Eq. 8, over all pairs; Huang,
    Gokaslan, Kuleshov & Tompkin 2024 (arXiv 2501.05441), §2, who pair each real image
    with one generated image.
    """
    return jax.nn.softplus(fake_logits[None] - real_logits[:, None]).mean()


def generator_relativistic(real_logits: Array, fake_logits: Array) -> Array:
    """Return E[log(1 + exp(D(x) − D(G(z))))] over every pair of the batch."""
    return discriminator_relativistic(fake_logits, real_logits)


class Objectives(NamedTuple):
    """Both players' losses.

    Both are given the (batch,) logits of real and of generated images, and return a
    scalar that the player minimises.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[[Array, Array], Array]


# By the names that a config has for them.
OBJECTIVES = {
    "non_saturating": Objectives(discriminator, generator_non_saturating),
    "minimax": Objectives(discriminator, generator_minimax),
    "hinge": Objectives(discriminator_hinge, generator_hinge),
    "relativistic": Objectives(discriminator_relativistic, generator_relativistic),
}


def mean_probability(logits: Array) -> Array:
    """Return E[D(x)], the mean probability that D gives to being real."""
    return jnp.mean(jax.nn.sigmoid(logits))
