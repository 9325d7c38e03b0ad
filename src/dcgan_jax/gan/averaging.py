"""An average of the generator over its updates, which the state carries with it.

Not the paper's; Karras et al. 2018, §5, show images of such an average.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp

from dcgan_jax.gan.state import NetState, PyTree, TrainState

Array = jax.Array
Optional = dict[str, PyTree]

EMA: Final = "ema"  # the name in `TrainState.optional`


class Averaging(NamedTuple):
    """How the optional part of a state begins and follows the generator.

    Attributes:
        begin: the generator → the optional part before the first step.
        follow: the optional part, the generator after an update, steps done before it
            → the optional part after it.
    """

    begin: Callable[[NetState], Optional]
    follow: Callable[[Optional, NetState, Array], Optional]


# Nothing is averaged.
OFF = Averaging(begin=lambda gen: {}, follow=lambda optional, gen, step: optional)


def make_averaging(decay: float | None) -> Averaging:
    """Return the exponential moving average of parameters and running statistics.

    Args:
        decay: share of the average that an update leaves in place; None: no average.
    """
    if decay is None:
        return OFF

    def follow(optional: Optional, gen: NetState, step: Array) -> Optional:
        keep = keep_at(decay, step)
        moved = jax.tree.map(
            lambda average, now: keep * average + (1 - keep) * now,
            optional[EMA],
            _averaged(gen),
        )
        return {**optional, EMA: moved}

    return Averaging(begin=_begin, follow=follow)


def keep_at(decay: float, step: Array) -> Array:
    """Return the share that the update after `step` steps leaves in place.

    It rises from 0.1 as (1 + step) / (10 + step), until it reaches the decay: else a
    short run's average would still be half of its random first weights.

    Source: TensorFlow, tf.train.ExponentialMovingAverage with num_updates.
    """
    done = step.astype(jnp.float32)
    return jnp.minimum(decay, (1 + done) / (10 + done))


def complete(state: TrainState, averaging: Averaging) -> TrainState:
    """Begin the average where a state was restored from a run that had none.

    Args:
        state: from `checkpoints.restore`; what the checkpoint lacks are mere shapes.
        averaging: of the run that goes on.
    """
    leaves = jax.tree.leaves(state.optional)
    if not any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in leaves):
        return state
    return state.replace(optional=averaging.begin(state.gen))


def _averaged(gen: NetState) -> dict[str, PyTree]:
    return {"params": gen.params, "batch_stats": gen.batch_stats}


def _begin(gen: NetState) -> Optional:
    # Copies, since a step takes over the memory of the whole state.
    return {EMA: jax.tree.map(jnp.copy, _averaged(gen))}
