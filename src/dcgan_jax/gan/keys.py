"""Random keys as a function of (seed, purpose, step); no key is ever stored.

A resumed run therefore draws what an uninterrupted one would have drawn.
"""

import enum

import jax
import jax.numpy as jnp
import numpy as np


class Purpose(enum.IntEnum):
    """What a key is for; the numbers are part of the format and never change."""

    INIT = 0
    TRAINING = 1
    FIXED_LATENTS = 2
    SAMPLES = 3
    STATISTICS = 4
    NEIGHBOURS = 5


def make_key(seed: int, purpose: Purpose) -> jax.Array:
    """Return the first key of a purpose; no setting of JAX's has a say in it.

    Args:
        seed: 0 to 4294967295.
        purpose: what the key is for.

    Raises:
        ValueError: if the seed is none of those.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed}, expected 0 to {2**32 - 1}")
    data = jnp.asarray(np.array([0, seed], np.uint32))  # as jax.random.key makes it
    key = jax.random.wrap_key_data(data, impl="threefry2x32")
    return jax.random.fold_in(key, int(purpose))
