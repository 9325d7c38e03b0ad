"""The norm of a network's gradients, in the form that suits the backend."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from dcgan_jax.system import backend

Array = jax.Array
PyTree = Any


def measure(gradients: PyTree) -> Array:
    """Return the Euclidean norm of all gradients together."""
    if not backend.is_gpu():
        return optax.global_norm(gradients)
    # By rows, which are summed where Adam reads them, and then all at once: the whole
    # sum of an array would end in a kernel of its own.
    rows = [_sum_rows(jnp.square(leaf)) for leaf in jax.tree.leaves(gradients)]
    # The maximum, which changes nothing, keeps XLA from joining both sums.
    return jnp.sqrt(jnp.maximum(jnp.concatenate(rows), 0.0).sum())


def _sum_rows(squares: Array) -> Array:
    """Sum over all axes but that of a kernel's outputs, or of a matrix' inputs."""
    if squares.ndim == 2:
        return squares.sum(1)
    return squares.sum(tuple(range(squares.ndim - 1))).ravel()
