"""Kernels divided by their largest singular values (Miyato et al. 2018).

The paper has none of this. A kernel (…, inputs, outputs) is taken for the matrix
(…·inputs, outputs), whose largest singular value is estimated by one power iteration in
every pass.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

Array = jax.Array

_EPSILON = 1e-12  # authors' code, max_sv.py


def normalise(layer: nn.Module, kernel: Array) -> Array:
    """Return a layer's kernel divided by an estimate of its largest singular value.

    The power iteration starts from the layer's vector `u`, which is kept among the
    running statistics. It moves if these are mutable, as in training; otherwise the
    stored one is used. No gradient passes through the iteration itself.

    Args:
        layer: the layer that the kernel belongs to.
        kernel: (…, inputs, outputs) float32.

    Source: Miyato et al. 2018, §2.1 and Algorithm 1. As in their code, each pass moves
    `u`, so an update of D, which makes a real and a generated pass, moves it twice.
    """
    outputs = kernel.shape[-1:]
    stored = layer.variable(
        "batch_stats",
        "u",
        lambda: _unit(jax.random.normal(layer.make_rng("params"), outputs)),
    )
    divided, u = divide(kernel, stored.value)
    if layer.is_mutable_collection("batch_stats"):
        stored.value = u
    return divided


def divide(kernel: Array, u: Array) -> tuple[Array, Array]:
    """Return a kernel over its largest singular value, and the moved vector.

    Args:
        kernel: (…, inputs, outputs) float32.
        u: (outputs,), the start of the power iteration.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    fixed = jax.lax.stop_gradient(matrix)
    v = _unit(_multiply(fixed, u))
    moved = _unit(_multiply(v, fixed))
    return kernel / _multiply(_multiply(v, matrix), moved), moved


def _multiply(left: Array, right: Array) -> Array:
    # The estimate is a bound, so it needs full float32 where a GPU's default is TF32.
    return jnp.matmul(left, right, precision="highest")


def _unit(vector: Array) -> Array:
    return vector / (jnp.linalg.norm(vector) + _EPSILON)
