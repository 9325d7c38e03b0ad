"""Where a run begins: its newest checkpoint, or weights that are drawn."""

import logging
from pathlib import Path

import jax
import jax.numpy as jnp

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.data import batches, means
from dcgan_jax.data.store import Store
from dcgan_jax.gan import averaging, keys, steps
from dcgan_jax.gan.state import TrainState
from dcgan_jax.models import goodfellow
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.train import mesh

_LOG = logging.getLogger(__name__)


def start_or_resume(
    config: TrainConfig,
    nets: steps.Nets,
    workdir: Path,
    store: Store,
    *,
    rollbacks: int,
) -> TrainState:
    """Return the state that a run goes on from, on every device.

    The first process reads or draws it and sends it to the others, which therefore need
    not see the run's folder.

    Args:
        config: of the run.
        nets: its networks.
        workdir: its folder.
        store: its data.
        rollbacks: returns to a checkpoint so far, where the checkpoint knows of fewer.

    Raises:
        InputError: if there are checkpoints but none can be used.
    """

    def init(key: jax.Array) -> TrainState:
        return steps.init_state(nets, key, image_shape=store.image_shape)

    key = keys.make_key(config.seed, keys.Purpose.INIT)
    template = jax.eval_shape(init, key)
    with mesh.together():
        if not mesh.is_first():
            state = jax.tree.map(
                lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), template
            )
        else:
            folder = workdir / run_dir.CHECKPOINTS
            checkpoints.remove_partial(folder)
            checkpoints.prove_folder(folder)
            newest = checkpoints.find_newest(folder)
            if newest is None:
                state = _begin_at_means(config, jax.jit(init)(key), store)
                optional = nets.averaging.begin(state.gen)
                state = state.replace(optional=optional)
            else:
                state = checkpoints.restore(newest, template)
                state = averaging.complete(state, nets.averaging)
                _LOG.info("going on from step %d", newest.step)
            run_dir.cut_metrics(workdir, step=int(state.step))
            counted = jnp.maximum(state.rollbacks, rollbacks)
            state = state.replace(rollbacks=counted)
    return mesh.from_first(state)


def _begin_at_means(config: TrainConfig, state: TrainState, store: Store) -> TrainState:
    """Begin at the mean of the data where the architecture does so."""
    if not models.begins_at_means(config):
        return state
    num_rows = batches.count_training_rows(len(store), config.held_out)
    mean = means.mean_image(store, num_rows)
    params = goodfellow.begin_at_means(state.gen.params, mean)
    return state.replace(gen=state.gen.replace(params=params))
