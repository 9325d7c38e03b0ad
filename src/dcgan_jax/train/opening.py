"""The first lines of a run: what it computes on, its images, its networks, its length.

They come at once, before anything is compiled.
"""

import logging
import math
import time
from typing import Any

import jax

from dcgan_jax.config import TrainConfig, is_conditional, list_by_count
from dcgan_jax.data import batches, ready, store as stores
from dcgan_jax.gan.nets import make_nets, shape_state
from dcgan_jax.gan.state import PyTree, TrainState
from dcgan_jax.info import describe
from dcgan_jax.prepare import told
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import backend, progress
from dcgan_jax.train import follow, mesh, start
from dcgan_jax.train.chunk import RunSteps
from dcgan_jax.train.start import Run

_LOG = logging.getLogger(__name__)


def tell_begin(run: Run) -> None:
    """Say what a run is, a line each, and why its first step takes a while."""
    _tell(run)
    _LOG.info("compiling (a minute at first, then cached) …")


def _tell(run: Run) -> None:
    """Say what a run is, a line each."""
    _tell_device()
    shapes = run.shape_state()
    _tell_line("images", _describe_images(run))
    _tell_line("networks", _describe_networks(run.config, shapes))
    _tell_line("steps", _describe_steps(run))
    _tell_line("folder", str(run.workdir))


def rehearse(config: TrainConfig) -> None:
    """Say what a run would be; prepare, train and write nothing.

    Raises:
        InputError: if the data, the folder or the settings do not allow the run.
    """
    follow.list_data(config)
    if ready.is_there(config):
        run = start.settle_run(config)
        fingerprint = run.store.fingerprint
        run_dir.refuse_other(run.workdir, run.config, fingerprint=fingerprint)
        _tell(run)
    else:
        _tell_unprepared(config)
    _LOG.info("--dry_run: nothing was prepared, trained or written")


def _tell_unprepared(config: TrainConfig) -> None:
    _tell_device()
    origin = config.source or config.dataset
    _tell_line("images", f"{origin}, not prepared yet, to {stores.store_path(config)}")
    if not is_conditional(config) or config.num_classes is not None:
        shapes = _shape_state(config)
        _tell_line("networks", _describe_networks(config, shapes))
    length = f"{config.num_epochs:g} epochs"
    if config.num_steps is not None:
        length = f"{config.num_steps:,}"
    steps = f"{length}, of {config.batch_size} images each"
    left = list_by_count(config)
    if left:
        steps += f"; {', '.join(left)} follow from the number of pictures"
    _tell_line("steps", steps)
    _tell_line("folder", str(run_dir.workdir_of(config)))


def tell_compiled(run_steps: RunSteps) -> RunSteps:
    """Have the first call of the jitted loop say when it had been compiled.

    The time counts from now on, since first weights and other programs come before it.
    """
    begin: float | None = time.perf_counter()

    def run(*arguments: Any) -> Any:
        nonlocal begin
        begun = run_steps(*arguments)
        if begin is not None and mesh.is_first():
            seconds = time.perf_counter() - begin
            _LOG.info("compiled after %s s", progress.tell_seconds(seconds))
        begin = None
        return begun

    return run


def _tell_device() -> None:
    """Say what JAX computes on, and whether it overlooks a GPU."""
    _tell_line("device", backend.name_devices())
    unseen = backend.find_unseen_gpu()
    if unseen is not None:
        _LOG.warning(
            "warning: nvidia-smi finds a GPU, %s, which JAX does not use; install the"
            " JAX for it: pip install 'dcgan-jax[cuda]', or [cuda13] for CUDA 13",
            unseen,
        )


def _tell_line(name: str, text: str) -> None:
    """Say one property of a run."""
    _LOG.info("%-9s %s", name, text)


def _describe_images(run: Run) -> str:
    config, path = run.config, stores.store_path(run.config)
    text = f"{told.describe(path)}; {describe.name_form(config)}"
    num_taken = batches.count_training_rows(len(run.store), config.held_out)
    is_all = num_taken == run.store.manifest.num_images
    return text if is_all else f"{text}; {num_taken:,} of them for training"


def _describe_networks(config: TrainConfig, shapes: TrainState) -> str:
    num_params = _count(shapes.gen.params), _count(shapes.disc.params)
    return describe.name_networks(config, num_params)


def _describe_steps(run: Run) -> str:
    config = run.config
    num_rows = batches.count_training_rows(len(run.store), config.held_out)
    per_epoch = batches.batches_per_epoch(num_rows, config.batch_size)
    epochs = run.num_steps * config.num_d_steps / per_epoch
    return f"{run.num_steps:,}, of {config.batch_size} images each: {epochs:.3g} epochs"


def _shape_state(config: TrainConfig) -> TrainState:
    nets = make_nets(config, num_steps=1, num_rows=config.batch_size)
    image_shape = (config.image_size, config.image_size, config.channels)
    return shape_state(nets, image_shape=image_shape)


def _count(params: PyTree) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
