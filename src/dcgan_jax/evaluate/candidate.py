"""A generator that is evaluated, and the data that it was trained on."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax import models
from dcgan_jax.config import DataConfig, TrainConfig, data_config
from dcgan_jax.data import batches, kept_rows, store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.runs import folder as run_dir, load as loading, reading
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.system import errors, json_values


class Candidate(NamedTuple):
    """A generator, and the data that it was trained on.

    Attributes:
        loaded: the generator.
        train: the store of its training images.
        num_rows: the number of rows, from the first on, that it was trained on.
    """

    loaded: LoadedGenerator
    train: Store
    num_rows: int


class Measured(NamedTuple):
    """A result: its protocol, its numbers, and the lines that tell it."""

    protocol: str
    numbers: dict[str, Any]
    text: str


def read_candidate_config(config: EvaluateConfig) -> TrainConfig:
    """Read the config of the run or exported generator that is evaluated.

    Raises:
        MissingInputError: if there is no such run or file.
        InputError: if it is damaged.
    """
    path = Path(config.run)
    if not path.is_dir() and path.suffix != ".safetensors":
        raise errors.MissingInputError(
            f"{config.run} is neither a run's folder nor an exported .safetensors file."
        )
    return reading.read_generator_config(config.run)


def require_pixels(config: EvaluateConfig, trained: TrainConfig) -> None:
    """Raise an error unless a run's samples can be compared with the data's images.

    Raises:
        InputError: if it makes images of normalised contrast.
    """
    if models.make_pair(trained).generator.pixel_range == "contrast":
        raise errors.InputError(
            f"{config.run} makes images of normalised contrast, but"
            f" --metric={config.metric} compares pixels with the data's. Choose another"
            " run."
        )


def train_data(config: EvaluateConfig, trained: TrainConfig) -> DataConfig:
    """Return the config of the generator's training images, where they lie now."""
    return dataclasses.replace(
        data_config(trained),
        data_dir=config.data_dir or trained.data_dir,
        source=config.source or trained.source,
    )


def split_data(config: EvaluateConfig, trained: TrainConfig, split: str) -> DataConfig:
    """Return the config of all images of another part of the same data set."""
    return dataclasses.replace(train_data(config, trained), split=split, dedup=False)


def open_split(config: EvaluateConfig, trained: TrainConfig, split: str) -> Store:
    """Open the prepared store of another part of the same data set."""
    return stores.open_store(stores.store_path(split_data(config, trained, split)))


def open_candidate(config: EvaluateConfig) -> Candidate:
    """Load the generator and open the store that it was trained on.

    Raises:
        InputError: if the run or the data cannot be used.
    """
    loaded = loading.load_flagged_generator(config)
    return Candidate(loaded, *open_train(config, loaded.config))


def open_train(config: EvaluateConfig, trained: TrainConfig) -> tuple[Store, int]:
    """Open the store that a generator was trained on; return it and the number of rows.

    Raises:
        InputError: if the images at hand are others.
    """
    train = kept_rows.open_training_store(train_data(config, trained))
    _check_data(config, train)
    return train, batches.count_training_rows(len(train), trained.held_out)


def folder(config: EvaluateConfig) -> Path:
    """Return the folder of an evaluation's files: in the run, or beside the file."""
    path = Path(config.run)
    return (path if path.is_dir() else path.parent) / "evaluation"


def require_folder(config: EvaluateConfig) -> None:
    """Raise an error if nothing can be written to `folder`, before the work."""
    run_dir.require_folder_for(folder(config), what=f"--metric={config.metric}")


def _check_data(config: EvaluateConfig, train: Store) -> None:
    """Raise an error if a run was trained on other images than those at hand."""
    if not Path(config.run).is_dir():
        return
    recorded = json_values.read_json(Path(config.run) / run_dir.CONFIG)
    if recorded.get("data_fingerprint") not in (None, train.fingerprint):
        raise errors.InputError(
            f"{config.run} was trained on other images than those in {train.path};"
            " give the --data_dir and --source that it was trained with."
        )
