"""Train while values become NaN: spoil.py WHAT STEP TIMES dcgan_jax.train FLAGS.

WHAT is data, params, moments or gradients, STEP where, TIMES how often: from the
beginning and after each rollback.
"""

import runpy
import sys
from typing import Any

import jax
import jax.numpy as jnp
import optax

from dcgan_jax.gan.nets import Nets
from dcgan_jax.train import chunk

KINDS = ("data", "params", "moments", "gradients")


def main() -> None:
    what, at, times, module = sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4]
    make_steps = chunk.make_steps

    def make_spoilt(nets: Nets, *, static_count: bool) -> Any:
        clean = make_steps(nets, static_count=static_count)
        bad = clean
        if what == "gradients":
            bad_nets = nets._replace(gen_optimizer=spoil_at(nets.gen_optimizer, at))
            bad = make_steps(bad_nets, static_count=static_count)

        def run(state: Any, batch: Any, key: Any, count: int) -> Any:
            due = int(state.step) <= at < int(state.step) + count
            if not due or int(state.rollbacks) >= times:
                return clean(state, batch, key, count)
            if what == "data":
                images = jnp.asarray(batch.images, jnp.float32)
                batch = batch._replace(images=images.at[:, 0, 0, 0].set(jnp.nan))
            elif what == "params":
                params = _spoil_one(state.disc.params)
                state = state.replace(disc=state.disc.replace(params=params))
            elif what == "moments":
                moments = _spoil_one(state.gen.opt_state)
                state = state.replace(gen=state.gen.replace(opt_state=moments))
            return bad(state, batch, key, count)

        return run

    chunk.make_steps = make_spoilt  # type: ignore[assignment]
    # This script's folder is no place for the module to import from.
    sys.path.pop(0)
    sys.argv = [f"{module.rpartition('.')[2]}.py", *sys.argv[5:]]
    runpy.run_module(module, run_name="__main__")


def spoil_at(
    optimizer: optax.GradientTransformation, at: int
) -> optax.GradientTransformation:
    """Return the optimiser that gets one NaN among its gradients in update `at`."""

    def update(gradients: Any, state: Any, params: Any = None) -> Any:
        count = optax.tree_utils.tree_get(state, "count")
        spoilt = _spoil_one(gradients)
        chosen = jax.tree.map(
            lambda bad, good: jnp.where(count == at, bad, good), spoilt, gradients
        )
        return optimizer.update(chosen, state, params)

    return optax.GradientTransformation(optimizer.init, update)


def _spoil_one(tree: Any) -> Any:
    """Put a NaN into the first array of floats."""
    leaves, treedef = jax.tree.flatten(tree)
    index = next(
        i for i, x in enumerate(leaves) if jnp.issubdtype(x.dtype, jnp.floating)
    )
    leaves[index] = leaves[index].at[(0,) * leaves[index].ndim].set(jnp.nan)
    return jax.tree.unflatten(treedef, leaves)


if __name__ == "__main__":
    main()
