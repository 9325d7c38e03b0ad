"""Random keys as a function of (seed, purpose, step); no key is ever stored.

A resumed run therefore draws what an uninterrupted one would have drawn.
"""

import enum

import jax


class Purpose(enum.IntEnum):
    """What a key is for; the numbers are part of the format and never change."""

    INIT = 0
    TRAINING = 1
    FIXED_LATENTS = 2
    SAMPLES = 3
    STATISTICS = 4
    NEIGHBOURS = 5


def make_key(seed: int, purpose: Purpose) -> jax.Array:
    """Return the first key of a purpose."""
    return jax.random.fold_in(jax.random.key(seed), int(purpose))
