"""A data set of the hub, whose Parquet files are fetched and read as one's own."""

import dataclasses
from collections.abc import Callable

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources.base import Source
from dcgan_jax.system import errors, hub


def open_hub(config: DataConfig, open_own: Callable[[DataConfig], Source]) -> Source:
    """Fetch the Parquet files of hub:OWNER/NAME into `data_dir`, and open them.

    Args:
        config: names the data set and the split.
        open_own: opens a folder as --source does.

    Raises:
        InputError: if they cannot be fetched, or are no images.
    """
    repo = hub.parse(config.dataset)
    files = {
        name: size
        for name, size in hub.list_files(repo, "dataset").items()
        if name.lower().endswith(".parquet")
    }
    if not files:
        raise errors.InputError(
            f"data set {repo} has no Parquet files; fetch its files yourself and give"
            " their folder as --source"
        )
    folder = config.data_dir / "hub" / repo.replace("/", "--")
    hub.fetch_files(repo, "dataset", files, folder=folder)
    return open_own(dataclasses.replace(config, dataset="folder", source=folder))
