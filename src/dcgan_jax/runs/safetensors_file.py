"""A network as one safetensors file: arrays by name, the config as metadata."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from flax import traverse_util

from dcgan_jax import config as configs
from dcgan_jax.config import TrainConfig
from dcgan_jax.system import disk, errors, json_values

_VERSION = 1
SUFFIX = ".safetensors"
Net = Literal["generator", "discriminator"]


def save_network(
    path: Path,
    variables: dict[str, Any],
    config: TrainConfig,
    *,
    step: int,
    net: Net = "generator",
) -> None:
    """Write a network, whole or not at all.

    Args:
        path: the file's path.
        variables: {params, batch_stats}.
        config: the run's config.
        step: the checkpoint's step.
        net: generator or discriminator.
    """
    from safetensors.numpy import save_file

    flat = traverse_util.flatten_dict(jax.device_get(variables), sep="/")
    arrays = {name: np.ascontiguousarray(array) for name, array in flat.items()}
    metadata = {
        "format": _format(net),
        "config": json.dumps(configs.to_json(_without_folders(config))),
        "step": str(step),
    }
    with disk.replacing(path) as partial:
        save_file(arrays, partial, metadata=metadata)


def name_discriminator(path: Path) -> Path:
    """Return the file of the discriminator that belongs to a generator's file."""
    return path.with_stem(f"{path.stem}_discriminator")


def _without_folders(config: TrainConfig) -> TrainConfig:
    """Return a config without folders, since nobody else needs to know them."""
    source = None if config.source is None else Path(config.source.name)
    init_from = None if config.init_from is None else Path(config.init_from).name
    return dataclasses.replace(
        config,
        source=source,
        init_from=init_from,
        data_dir=Path("data"),
        workdir=None,
    )


def read_network(
    path: Path, *, net: Net = "generator"
) -> tuple[TrainConfig, int, dict[str, Any]]:
    """Read a file of `save_network`: the config, the step and {params, batch_stats}.

    Args:
        path: the file's path.
        net: generator or discriminator.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it is damaged, or no file of this project.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise errors.MissingInputError(f"there is no file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _format(net):
                raise errors.InputError(
                    f"{path} is not a {net} of this project: its format is "
                    f"{metadata.get('format')!r}, expected {_format(net)!r}."
                )
            flat = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        _check_arrays(flat)
    except (SafetensorError, ValueError, TypeError) as error:
        if isinstance(error, errors.InputError):
            raise
        raise errors.InputError(f"{path} cannot be read: {error}.") from None
    try:
        values = json_values.parse(metadata["config"])
        config = configs.train_config_from_json(values)
        step = int(metadata["step"])
    except (ValueError, KeyError) as error:
        told = str(error).removesuffix(".")
        raise errors.InputError(f"{path} has damaged metadata: {told}.") from None
    nested = traverse_util.unflatten_dict(flat, sep="/")
    # A network without batch norm has no statistics, and files cannot hold empty trees.
    return config, step, {"batch_stats": {}, **nested}


def _format(net: Net) -> str:
    return f"dcgan_jax {net} {_VERSION}"


def _check_arrays(flat: dict[str, np.ndarray]) -> None:
    """Raise a ValueError unless the names make up a tree of float32 arrays."""
    folders = {
        "/".join(parts[:depth])
        for parts in (name.split("/") for name in flat)
        for depth in range(1, len(parts))
    }
    for name, array in flat.items():
        if name in folders:
            raise ValueError(f"{name} is an array and holds others")
        if array.dtype != np.float32:
            raise ValueError(f"{name} is {array.dtype}, expected float32")
