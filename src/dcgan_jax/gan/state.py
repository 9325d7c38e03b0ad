"""The state of a run: arrays only; a checkpoint is this tree and nothing else."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

PyTree = Any


class NetState(struct.PyTreeNode):
    """One network: what it computes with and what its optimiser remembers."""

    params: PyTree
    batch_stats: PyTree
    opt_state: PyTree

    def update(
        self,
        optimizer: optax.GradientTransformation,
        gradients: PyTree,
        *,
        batch_stats: PyTree,
    ) -> "NetState":
        """Return the network moved along its gradients, with new running statistics."""
        updates, opt_state = optimizer.update(gradients, self.opt_state, self.params)
        return NetState(
            params=optax.apply_updates(self.params, updates),
            batch_stats=batch_stats,
            opt_state=opt_state,
        )


class TrainState(struct.PyTreeNode):
    """Both networks and where the run is.

    Attributes:
        step: int32 scalar, steps done (k updates of D and one of G each).
        rollbacks: int32 scalar, returns to a checkpoint after a NaN; part of every key.
        gen: the generator.
        disc: the discriminator.
        optional: named collections that not every run has, such as averaged parameters.
    """

    step: jax.Array
    rollbacks: jax.Array
    gen: NetState
    disc: NetState
    optional: dict[str, PyTree]


def to_flat(tree: PyTree) -> dict[str, jax.Array]:
    """Name every array of a state or a part of it: `disc/params/conv0/kernel`."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_path_name(path): leaf for path, leaf in leaves}


def from_flat(template: TrainState, arrays: dict[str, jax.Array]) -> TrainState:
    """Fill a state of the template's structure with arrays named as by `to_flat`.

    Raises:
        KeyError: naming an array that is missing.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(template)
    return jax.tree_util.tree_unflatten(
        treedef, [arrays[_path_name(path)] for path, _ in leaves]
    )


def mark_finite(state: TrainState) -> dict[str, jax.Array]:
    """Tell of every array, by its name, if all of it is finite; does not wait."""
    return {name: jnp.isfinite(array).all() for name, array in to_flat(state).items()}


def _path_name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
