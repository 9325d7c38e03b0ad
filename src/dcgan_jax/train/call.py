"""Training from Python: what `dcgan_jax.train(…)` calls."""

import logging
from typing import TYPE_CHECKING, Any

from dcgan_jax import cli, settings
from dcgan_jax.data import ready
from dcgan_jax.runs import folder as run_dir

if TYPE_CHECKING:
    from dcgan_jax.train.loop import TrainedRun


def train(
    *, dataset: str | None = None, preset: str | None = None, **flags: Any
) -> "TrainedRun":
    """Prepare the data where they are missing, then train, as the command does.

    It works in any thread. In the main thread Ctrl-C and SIGTERM end the run after the
    running chunk of steps and a save, and the outcome names the signal.

    Args:
        dataset: a data set's name, `folder`, `arrays`, or `tfds:NAME[/CONFIG]`; None:
            the preset's own, or the digits.
        preset: a recipe to use in place of the data set's own.
        flags: the command's flags (`python -m dcgan_jax.train --help`); the optimiser's
            as a dictionary: `adam={"learning_rate": 1e-4}`.

    Returns:
        Where the run's last samples, curves and checkpoint lie, and its last step. With
        `dry_run=True` there are none, and the step is 0.

    Raises:
        InputError: a ValueError, if the settings, the data or the folder do not allow
            the run.
        FileNotFoundError: if the source of the images is not there.
        NonFiniteError: if a loss, a gradient or a parameter becomes NaN or infinite.
    """
    config, cluster = settings.make_train_config(dataset, preset, flags)
    # Unless the program that calls has its own wish.
    if logging.getLogger("dcgan_jax").level == logging.NOTSET:
        cli.configure_logging()
    from dcgan_jax.system import backend
    from dcgan_jax.train import follow, loop, mesh, opening

    if config.dry_run:
        opening.rehearse(config)
        return loop.TrainedRun(run_dir.workdir_of(config), 0, None)
    for data in follow.list_data(config):
        ready.require(data)
    backend.enable_compilation_cache()
    with mesh.connected(cluster):
        return loop.run(config)
