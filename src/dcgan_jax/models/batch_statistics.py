"""Batch-norm statistics of networks that come without any: means over batches.

The authors release parameters alone and re-estimate the statistics over their data
before they use a network; svhn/svhn_semisup_analysis.py:50-85.
"""

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.models.dcgan import Discriminator, Generator
from dcgan_jax.system import backend

Array = jax.Array


def estimate(
    network: Generator | Discriminator, params: Any, batches: Iterable[np.ndarray]
) -> Any:
    """Average each layer's batch mean and variance over batches of inputs.

    Every batch passes normalised by its own statistics, as in training.

    Args:
        network: the network, whose `bn_momentum` does not matter.
        params: its parameters.
        batches: inputs of the network, all of one shape.

    Returns:
        The network's `batch_stats`.
    """
    measure = backend.jit(functools.partial(of_batch, network))
    count, total = 0, None
    for inputs in batches:
        stats = measure(params, inputs)
        total = stats if total is None else jax.tree.map(jnp.add, total, stats)
        count += 1
    return jax.tree.map(lambda leaf: leaf / count, total)


def of_batch(network: Generator | Discriminator, params: Any, inputs: Array) -> Any:
    """Return the `batch_stats` of one batch of inputs, in full float32.

    All samples and features of a network without statistics rest on these, so exact
    products are asked for, where a GPU's default is TF32.
    """
    # Without momentum the running statistics are those of the last batch.
    plain = network.clone(bn_momentum=0.0)
    shapes = jax.eval_shape(lambda: plain.init(jax.random.key(0), inputs, train=True))
    zeros = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype),
        shapes.get("batch_stats", {}),  # a network may have none
    )
    variables = {"params": params, "batch_stats": zeros}
    with jax.default_matmul_precision("highest"):
        _, moved = plain.apply(variables, inputs, train=True, mutable=["batch_stats"])
    return moved.get("batch_stats", {})
