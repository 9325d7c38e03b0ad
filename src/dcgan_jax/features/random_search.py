"""A random search in a folder, one file for each trial that is done."""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.data.batches import Batch
from dcgan_jax.features import supervised
from dcgan_jax.features.supervised import SearchConfig, TrialResult
from dcgan_jax.system import disk, errors, json_values, precision, progress

# The settings of the discriminator's recipe that its network depends on.
_NETWORK_FIELDS = (
    "architecture", "width_multiplier", "input_bias", "image_size", "channels",
    "convolution",
)  # fmt: skip


def search(
    config: SearchConfig,
    train: Batch,
    valid: Batch,
    folder: Path,
    *,
    show_progress: bool = True,
) -> list[TrialResult]:
    """Run the trials that a folder does not hold yet.

    Each trial is written there when it is done, so that a kill costs one trial. Several
    processes can share a folder; each ends when all trials are done.

    Args:
        config: the search.
        train: uint8 images (n, height, width, channels) and labels (n,).
        valid: the images whose errors are counted, and labels.
        folder: where the trials' files `trial-000.json` … lie.
        show_progress: whether progress is reported on stderr.

    Returns:
        All trials, in their order.

    Raises:
        InputError: if the data do not suit the search, or the folder holds trials of
            another search or of other data.
    """
    _check(config, train, valid)
    files = _Files(folder, config, _settings(config, train, valid))
    indices = range(config.num_trials)
    results = {index: files.read(index) for index in indices if files.hold(index)}
    with progress.track(
        f"{config.num_trials} trials",
        config.num_trials * config.num_epochs,
        unit="epochs",
        done=len(results) * config.num_epochs,
        visible=show_progress,
    ) as advance:
        # First come trials that nobody else is at, then the others, in case they died.
        for wait in (False, True):
            for index in (index for index in indices if index not in results):
                with files.claim(index, wait=wait) as held:
                    if not held:
                        continue
                    if files.hold(index):  # another process has just done it
                        advance(config.num_epochs)
                    else:
                        trial = supervised.draw_trial(config.seed, index)
                        result = supervised.run_trial(
                            config, trial, train, valid, index=index, advance=advance
                        )
                        files.write(result)
                    results[index] = files.read(index)
    return [results[index] for index in indices]


class _Files(NamedTuple):
    """The trials of a folder."""

    folder: Path
    config: SearchConfig
    settings: dict[str, Any]

    def hold(self, index: int) -> bool:
        """Tell whether a trial is done."""
        return self._path(index).exists()

    @contextlib.contextmanager
    def claim(self, index: int, *, wait: bool) -> Iterator[bool]:
        """Lock a trial, or learn that another process has it."""
        lock = self._path(index).with_suffix(".lock")
        if wait:
            with disk.exclusive(lock):
                yield True
        else:
            with disk.try_exclusive(lock) as held:
                yield held

    def write(self, result: TrialResult) -> None:
        """Write a trial, whole or not at all."""
        content = {"settings": self.settings, **dataclasses.asdict(result)}
        text = json.dumps(content, indent=1) + "\n"
        disk.write_whole(self._path(result.index), text.encode())

    def read(self, index: int) -> TrialResult:
        """Read a trial, unless it is of another search."""
        path = self._path(index)
        values = json_values.read_json(path, finite=False)
        try:
            found = {**values.pop("settings"), **values["trial"]}
            result = supervised.result_from_json(values)
        except (KeyError, TypeError) as error:
            raise errors.InputError(
                f"{path} is damaged or not a trial's result ({error}); delete it and"
                " search again."
            ) from None
        drawn = supervised.draw_trial(self.config.seed, index)
        asked = {**self.settings, **dataclasses.asdict(drawn)}
        differing = [name for name in asked if found.get(name) != asked[name]]
        if differing:
            raise errors.InputError(
                f"{path} is of a search with "
                + ", ".join(f"{name}={found.get(name)}" for name in differing)
                + "; this one asks for "
                + ", ".join(f"{name}={asked[name]}" for name in differing)
                + ". Search with the old values or choose another folder."
            )
        return result

    def _path(self, index: int) -> Path:
        return self.folder / f"trial-{index:03}.json"


def _check(config: SearchConfig, train: Batch, valid: Batch) -> None:
    side, channels = config.network.image_size, config.network.channels
    expected = (side, side, channels)
    for name, part in (("training", train), ("validation", valid)):
        if part.images.shape[1:] != expected:
            raise errors.InputError(
                f"the {name} images are {part.images.shape[1:]}, the network takes"
                f" {expected}."
            )
        if part.labels is None or len(part.labels) == 0:
            raise errors.InputError(
                f"the {name} rows have no labels; a supervised network needs some."
            )
        low, high = int(part.labels.min()), int(part.labels.max())
        if low < 0 or high >= config.num_classes:
            raise errors.InputError(
                f"the {name} labels run from {low} to {high}, expected"
                f" 0 … {config.num_classes - 1} for {config.num_classes} classes."
            )
    if len(train.images) < max(supervised.BATCH_SIZES):
        raise errors.InputError(
            f"there are {len(train.images)} training images, expected at least"
            f" {max(supervised.BATCH_SIZES)}, a trial's largest minibatch."
        )
    if config.eval_every_epochs < 1 or config.num_epochs % config.eval_every_epochs:
        raise errors.InputError(
            f"num_epochs={config.num_epochs} is no multiple of"
            f" eval_every_epochs={config.eval_every_epochs}."
        )


def _settings(config: SearchConfig, train: Batch, valid: Batch) -> dict[str, Any]:
    """Return all that a trial's numbers depend on besides its own settings."""
    network = config.network
    return {
        **{name: getattr(network, name) for name in _NETWORK_FIELDS},
        "precision": precision.settle_precision(network.precision),
        "b2": config.adam.b2,
        "epsilon": config.adam.epsilon,
        "num_classes": config.num_classes,
        "num_epochs": config.num_epochs,
        "eval_every_epochs": config.eval_every_epochs,
        "seed": config.seed,
        "data_fingerprint": _fingerprint(train, valid),
    }


def _fingerprint(*parts: Batch) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.images.shape}\n".encode())
        digest.update(np.ascontiguousarray(part.images).data)
        digest.update(np.ascontiguousarray(part.labels, np.int32).data)
    return digest.hexdigest()
