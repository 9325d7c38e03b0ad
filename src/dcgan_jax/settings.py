"""Keyword arguments of the library → config: the recipes and checks of the commands."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from dcgan_jax import config as configs, presets
from dcgan_jax.config import ClusterConfig, DataConfig, TrainConfig
from dcgan_jax.system import errors, json_values, seeds


def make_train_config(
    dataset: str | None, preset: str | None, settings: Mapping[str, Any]
) -> tuple[TrainConfig, ClusterConfig]:
    """Make the config that the same flags of `dcgan_jax.train` make.

    Args:
        dataset: as --dataset; None: the preset's own, or the digits.
        preset: as --preset.
        settings: fields of `TrainConfig` and `ClusterConfig`; those of the optimiser
            as a dictionary or a dataclass.

    Raises:
        InputError: naming the first setting that is unknown or cannot be meant.
    """
    of_cluster = {field.name for field in dataclasses.fields(ClusterConfig)}
    own = {name: value for name, value in settings.items() if name not in of_cluster}
    cluster = {name: settings[name] for name in settings.keys() & of_cluster}
    base = presets.find(dataset, preset, image_size=own.get("image_size"))
    config: TrainConfig = _build(TrainConfig, _fill(base, own, {*of_cluster}))
    configs.check(config)
    seeds.check(config.seed)
    config = configs.leave_given(config, own)
    return config, _build(ClusterConfig, {n: _plain(v) for n, v in cluster.items()})


def make_data_config(
    dataset: str | None, preset: str | None, settings: Mapping[str, Any]
) -> DataConfig:
    """Make the config that the same flags of `dcgan_jax.prepare` make.

    Args:
        dataset: as for `make_train_config`, as is preset.
        preset: a recipe, whose images are meant.
        settings: fields of `DataConfig`.

    Raises:
        InputError: naming the first setting that is unknown or cannot be meant.
    """
    recipe = presets.find(dataset, preset, image_size=settings.get("image_size"))
    base = configs.data_config(recipe)
    config: DataConfig = _build(DataConfig, _fill(base, settings, set()))
    return config


def _fill(
    base: DataConfig, settings: Mapping[str, Any], others: set[str]
) -> dict[str, Any]:
    """Write settings over a recipe's, as JSON has them."""
    values = configs.to_json(base)
    for name, value in settings.items():
        presets.check_name("setting", name, sorted({*values, *others}))
        given = _plain(value)
        if isinstance(given, dict) and isinstance(values[name], dict):
            for part in given:
                presets.check_name(f"setting of {name}", part, list(values[name]))
            given = {**values[name], **given}
        values[name] = given
    return values


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: of paths, dataclasses and NumPy's numbers too."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {n: _plain(part) for n, part in dataclasses.asdict(value).items()}
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    return value


def _build(config_type: type[Any], values: dict[str, Any]) -> Any:
    try:
        return json_values.build(config_type, values, "the settings")
    except ValueError as error:
        raise errors.InputError(error) from None
