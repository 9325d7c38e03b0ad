"""Where a run begins: its settings, its folder, its newest checkpoint or weights."""

import contextlib
import dataclasses
import functools
import json
import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dcgan_jax import config as configs, models
from dcgan_jax.config import TrainConfig
from dcgan_jax.data import batches, by_count, kept_rows, labels, means
from dcgan_jax.data.store import Store
from dcgan_jax.gan import averaging, keys
from dcgan_jax.gan.nets import Nets, init_state, make_nets, shape_state
from dcgan_jax.gan.state import TrainState
from dcgan_jax.models import goodfellow
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import json_values, memory, precision
from dcgan_jax.train import initial, mesh, signals
from dcgan_jax.train.initial import Initial

_LOG = logging.getLogger(__name__)


class Run(NamedTuple):
    """A run whose settings are settled.

    Attributes:
        config: the settings, with nothing left to be chosen.
        store: the data.
        nets: the networks.
        num_steps: the length of the run, in steps.
        initial: networks that a new run begins with; None: random ones.
    """

    config: TrainConfig
    store: Store
    nets: Nets
    num_steps: int
    initial: Initial | None = None

    @property
    def workdir(self) -> Path:
        """The run's folder."""
        return run_dir.workdir_of(self.config)

    @property
    def checkpoints(self) -> Path:
        """The folder of the run's checkpoints."""
        return self.workdir / run_dir.CHECKPOINTS

    def shape_state(self) -> TrainState:
        """Return a state of mere shapes."""
        return shape_state(self.nets, image_shape=self.store.image_shape)


def settle_run(config: TrainConfig) -> Run:
    """Open the data and choose what depends on them; all processes agree on it.

    Raises:
        InputError: if the data or the devices do not allow the run.
    """
    config = _settle_precision(config)
    recorded = _recall_count(config)
    with mesh.together():
        mesh.check_batch(config.batch_size)
        store = kept_rows.open_training_store(config)
        # As the folder records it.
        names = store.class_names if store.labelled else None
        reason = store.manifest.unlabelled
        config = labels.settle_classes(config, names, reason=reason)
        shuffle = batches.choose_shuffle(config.shuffle, store.num_bytes)
        config = dataclasses.replace(config, shuffle=shuffle)
        num_rows = batches.count_training_rows(len(store), config.held_out)
        num_devices = jax.device_count()
        followed = by_count.follow_count(
            config, num_rows, num_devices=num_devices, recorded=recorded
        )
        config = followed.config
        config = batches.settle_batch_size(config, num_rows, num_devices=num_devices)
        configs.check_packing(config)
        num_steps = batches.count_run_steps(config, num_rows)
        nets = make_nets(config, num_steps=num_steps, num_rows=num_rows)
        config, given = initial.settle_initial(config)
        run = Run(config, store, nets, num_steps, given)
        _require_memory(run)
        if given is not None:
            initial.require_fit(given, run.shape_state())
    mesh.check_same({**configs.shared_settings(config), "data": store.fingerprint})
    if followed.line is not None and mesh.is_first():
        _LOG.info(followed.line)
    return run


def _recall_count(config: TrainConfig) -> dict[str, Any] | None:
    """Return what a run that goes on has recorded of the number of pictures, or None.

    The first process tells the others, which need not see the run's folder.
    """
    told = ""
    with mesh.together():
        if mesh.is_first() and run_dir.goes_on(workdir := run_dir.workdir_of(config)):
            names = ("by_count", *configs.BY_COUNT)
            recorded = {n: run_dir.find_recorded(workdir, n) for n in names}
            told = json.dumps(recorded)
    told = mesh.tell_first(told)
    return json_values.parse(told.encode()) if told else None


def _require_memory(run: Run) -> None:
    """Raise an error unless networks and minibatches alone fit into this machine."""
    config = run.config
    images = config.num_d_steps * config.batch_size
    part = 4 * images * math.prod(run.store.image_shape) // jax.process_count()
    state = sum(
        math.prod(leaf.shape) * 4 for leaf in jax.tree.leaves(run.shape_state())
    )
    memory.require_memory(state, what="networks and optimisers of this width")
    memory.require_memory(state + part, what=f"the networks and {images:,} images")


def _settle_precision(config: TrainConfig) -> TrainConfig:
    """Choose "auto" as the run has it that goes on, or by the first process's device.

    The others need not see the run's folder.
    """
    if config.precision != "auto":
        return config
    choices = precision.SETTLED
    chosen = 0
    with mesh.together():
        if mesh.is_first():
            workdir = run_dir.workdir_of(config)
            recorded = run_dir.find_recorded(workdir, "precision")
            is_known = recorded in choices
            settled = recorded if is_known else precision.settle_precision("auto")
            chosen = choices.index(settled)
    (chosen,) = mesh.largest(chosen)
    return dataclasses.replace(config, precision=choices[chosen])


@contextlib.contextmanager
def hold_run(run: Run) -> Iterator[list[int]]:
    """Keep other runs out of the run's folder, record the settings, heed signals.

    Yields:
        The numbers of the signals that this process has heard, as they come.

    Raises:
        InputError: if another run uses the folder, or it holds one of other settings.
        KeyboardInterrupt: at a second Ctrl-C, saying what is lost.
    """
    with contextlib.ExitStack() as held:
        with mesh.together():
            heard = held.enter_context(signals.heed())
            if mesh.is_first():
                held.enter_context(run_dir.lock(run.workdir))
                fingerprint = run.store.fingerprint
                run_dir.settle(run.workdir, run.config, fingerprint=fingerprint)
        try:
            yield heard
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_tell_loss(run)) from None


def _tell_loss(run: Run) -> str:
    """Say what a stop without a save costs."""
    saved = checkpoints.list_steps(run.checkpoints)
    if not saved:
        return (
            "stopped without saving: nothing had been saved, so that all steps are"
            " lost; the same command begins anew"
        )
    return (
        f"stopped without saving: the steps after step {saved[-1]} are lost; the same"
        " command goes on from there"
    )


def start_or_resume(
    run: Run, *, rollbacks: int, announce: Callable[[], None]
) -> TrainState:
    """Return the state that a run goes on from, on every device.

    The first process reads or draws it and sends it to the others, which therefore need
    not see the run's folder.

    Args:
        run: the run.
        rollbacks: returns to a checkpoint so far, where the checkpoint knows of fewer.
        announce: says what the run is, once nothing speaks against it.

    Raises:
        InputError: if there are checkpoints but none can be used.
    """
    with mesh.together():
        if mesh.is_first():
            state = _read_or_draw(run, announce)
            run_dir.cut_metrics(run.workdir, step=int(state.step))
            counted = jnp.maximum(state.rollbacks, rollbacks)
            state = state.replace(rollbacks=counted)
        else:
            state = jax.tree.map(
                lambda leaf: jnp.zeros(leaf.shape, leaf.dtype),
                run.shape_state(),
            )
    return mesh.from_first(state)


def _read_or_draw(run: Run, announce: Callable[[], None]) -> TrainState:
    """Return the newest checkpoint's state, or new weights where there is none."""
    checkpoints.remove_partial(run.checkpoints)
    checkpoints.prove_folder(run.checkpoints)
    newest = checkpoints.find_newest(run.checkpoints)
    if newest is None:
        announce()
        key = keys.make_key(run.config.seed, keys.Purpose.INIT)
        state = _begin_at_means(run, jax.jit(functools.partial(_draw, run))(key))
        if run.initial is not None:
            state = initial.begin_with(state, run.initial)
        return state.replace(optional=run.nets.averaging.begin(state.gen))
    state = checkpoints.restore(newest, run.shape_state())
    _LOG.info("going on from step %d", newest.step)
    if newest.step >= run.num_steps:
        _LOG.info("%s is finished; a larger --num_steps goes on", run.workdir)
    else:
        announce()
    return averaging.complete(state, run.nets.averaging)


def _draw(run: Run, key: jax.Array) -> TrainState:
    return init_state(run.nets, key, image_shape=run.store.image_shape)


def _begin_at_means(run: Run, state: TrainState) -> TrainState:
    """Begin at the mean of the data where the architecture does so."""
    config, store = run.config, run.store
    if not models.begins_at_means(config):
        return state
    num_rows = batches.count_training_rows(len(store), config.held_out)
    mean = means.mean_image(store, num_rows)
    params = goodfellow.begin_at_means(state.gen.params, mean)
    return state.replace(gen=state.gen.replace(params=params))
