"""Preparing from Python: what `dcgan_jax.prepare(…)` calls."""

from pathlib import Path
from typing import Any

from dcgan_jax import settings
from dcgan_jax.data import ready, store


def prepare(
    *,
    dataset: str | None = None,
    preset: str | None = None,
    verify: bool = False,
    labelled: bool = False,
    **flags: Any,
) -> Path:
    """Prepare a data set in a process of its own, as the command does.

    Args:
        dataset: a data set's name, `folder`, `arrays`, or `tfds:NAME[/CONFIG]`.
        preset: the recipe whose images are meant.
        verify: compare every shard with the manifest, however large the store is.
        labelled: refuse images without labels before anything is written.
        flags: the command's other flags (`python -m dcgan_jax.prepare --help`).

    Returns:
        The store's folder.

    Raises:
        InputError: a ValueError, if settings or images cannot be used.
        FileNotFoundError: if the source is not there.
    """
    config = settings.make_data_config(dataset, preset, flags)
    given = {"--verify": verify, "--labelled": labelled}
    ready.prepare(config, [flag for flag, wanted in given.items() if wanted])
    return store.store_path(config)
