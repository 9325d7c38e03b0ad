"""A run's folder: its settings, log and lock, and whether a run may go on there."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcgan_jax import config as configs, presets
from dcgan_jax.config import TrainConfig
from dcgan_jax.runs import checkpoint_manifest
from dcgan_jax.system import disk, errors, json_values, locks

CONFIG = "config.json"
METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints"
SAMPLES = "samples"
REAL = "real.png"
CLASSES = "classes.txt"
CURVES = "curves.png"
PROFILE = "profile"


def workdir_of(config: TrainConfig) -> Path:
    """Return the run's folder, by default runs/DATASET.

    A recipe that is not the data set's default has a folder of its own: runs/PRESET, or
    runs/DATASET-PRESET if it is used with other data than its own.
    """
    if config.workdir is not None:
        return config.workdir
    name = config.dataset.replace(":", "_").replace("/", "_")
    recipe = presets.RECIPES.get(config.preset or "")
    if recipe is not None:
        is_own = config.dataset == recipe.dataset
        name = str(recipe.preset) if is_own else f"{name}-{recipe.preset}"
    return Path("runs") / name


def require_folder_for(folder: Path, *, what: str) -> None:
    """Raise an error if nothing can be written into a folder in a run or beside a file.

    Args:
        folder: it need not be there.
        what: what writes there, such as a command.

    Raises:
        InputError: naming the folder.
    """
    try:
        disk.require_writable(folder / "x", name="")
    except errors.InputError:
        raise errors.InputError(
            f"{what} writes into {folder}, where nothing can be written; copy the run,"
            " or export its networks to another folder."
        ) from None


@contextlib.contextmanager
def lock(workdir: Path) -> Iterator[None]:
    """Hold a folder for one process; the system frees it when the process ends.

    Raises:
        InputError: if another process holds it.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    with (workdir / "lock").open("a+") as file:
        try:
            locks.hold(file, wait=False)
        except BlockingIOError:
            file.seek(0)
            raise errors.InputError(
                f"{workdir} is in use by another run (process {file.read().strip()}); "
                "wait for it or choose another --workdir."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def settle(workdir: Path, config: TrainConfig, *, fingerprint: str) -> None:
    """Write the run's settings, or refuse if the folder holds a different run.

    Args:
        workdir: the run's folder.
        config: the settings asked for.
        fingerprint: the store's fingerprint.

    Raises:
        InputError: as from `refuse_other`.
    """
    refuse_other(workdir, config, fingerprint=fingerprint)
    asked = _to_json(config, fingerprint)
    disk.write_whole(workdir / CONFIG, (json.dumps(asked, indent=1) + "\n").encode())


def refuse_other(workdir: Path, config: TrainConfig, *, fingerprint: str) -> None:
    """Raise an error if a folder holds a run of other settings; write nothing.

    Args:
        workdir: the run's folder.
        config: the settings asked for.
        fingerprint: the store's fingerprint.

    Raises:
        InputError: if it does; the message names each setting, with both values.
    """
    path, asked = workdir / CONFIG, _to_json(config, fingerprint)
    # Before the first checkpoint there is nothing that other settings could break.
    if path.exists() and checkpoint_manifest.list_steps(workdir / CHECKPOINTS):
        stored = json_values.read_json(path)
        differences = list(_differences(stored, asked))
        _check_same_data(workdir, stored, config, [name for name, *_ in differences])
        if differences and not config.allow_changes:
            raise errors.InputError(
                f"{workdir} holds a run with "
                + ", ".join(f"{name}={old}" for name, old, _ in differences)
                + "; this one asks for "
                + ", ".join(f"{name}={new}" for name, _, new in differences)
                + ". Resume with the old value, choose another --workdir, or pass "
                "--allow_changes."
            )


def _to_json(config: TrainConfig, fingerprint: str) -> dict[str, Any]:
    return {**configs.to_json(config), "data_fingerprint": fingerprint}


def _check_same_data(
    workdir: Path, stored: dict[str, Any], config: TrainConfig, changed: list[str]
) -> None:
    """Raise an error that says in words that a run was trained on other images."""
    was = stored.get("source") or stored.get("dataset")
    now = config.source or config.dataset
    if config.allow_changes or "data_fingerprint" not in changed:
        return
    if str(was) == str(now):
        if changed != ["data_fingerprint"]:
            return
        raise errors.InputError(
            f"{workdir} holds a run on other images of {now}, which have changed since,"
            " as the fingerprint of the data tells. Choose another --workdir, or pass"
            " --allow_changes to go on with them."
        )
    own = workdir.with_name(f"{workdir.name}-{Path(str(now)).stem or 'other'}")
    raise errors.InputError(
        f"{workdir} holds a run on {was}; this one asks for {now}, which are other"
        f" images. Give it a folder of its own, --workdir={own}, or go on there with"
        f" --source={was}."
    )


def goes_on(workdir: Path) -> bool:
    """Tell whether a folder holds a run that would go on: it has a checkpoint."""
    is_run = (workdir / CONFIG).exists()
    return is_run and bool(checkpoint_manifest.list_steps(workdir / CHECKPOINTS))


def find_recorded(workdir: Path, name: str) -> Any:
    """Return what a run that goes on has for a setting; None where there is no run.

    Args:
        workdir: the run's folder.
        name: of the setting; of a run that is older than it, what it means there.
    """
    if not goes_on(workdir):
        return None
    stored = json_values.read_json(workdir / CONFIG)
    return stored.get(name, configs.ABSENT_MEANS.get(name))


def read_config(workdir: Path) -> TrainConfig:
    """Read the settings of a run.

    Raises:
        MissingInputError: if the folder holds no run.
        InputError: if its settings cannot be read.
    """
    path = workdir / CONFIG
    if not path.is_file():
        raise errors.MissingInputError(
            f"{workdir} holds no run: expected {CONFIG} in it. Give the --workdir of a "
            "training run."
        )
    values = json_values.read_json(path)
    values.pop("data_fingerprint", None)
    try:
        return configs.train_config_from_json(values)
    except ValueError as error:
        told = str(error).removesuffix(".")
        raise errors.InputError(f"{path} is not a run's config: {told}.") from None


def cut_metrics(workdir: Path, *, step: int) -> None:
    """Drop the log's rows beyond a step, and rows that cannot be read."""
    path = workdir / METRICS
    if not path.exists():
        return
    kept = []
    for line in path.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError):
            if _read_row(line)["step"] <= step:
                kept.append(line + b"\n")
    disk.write_whole(path, b"".join(kept))


def append_metrics(workdir: Path, row: dict[str, float]) -> None:
    """Add a row to the log, or leave the log as it is.

    Raises:
        OSError: if the disk does not take it.
    """
    path = workdir / METRICS
    with path.open("ab", buffering=0) as file:
        end = file.tell()
        line = json.dumps(row).encode() + b"\n"
        try:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(end)
            raise


def read_metrics(workdir: Path) -> list[dict[str, float]]:
    """Read the log's rows, oldest first, except one that is being written.

    Raises:
        InputError: if a row is damaged.
    """
    path = workdir / METRICS
    if not path.exists():
        return []
    rows = []
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            rows.append(_read_row(line))
        except ValueError as error:
            raise errors.InputError(
                f"line {number} of {path} is damaged ({error}); delete that line."
            ) from None
    return rows


def _read_row(line: bytes) -> dict[str, float]:
    row = json_values.parse(line)
    if type(row.get("step")) is not int:
        raise ValueError(f"step is {json_values.shorten(row.get('step'))}")
    for name, value in row.items():
        if type(value) not in (int, float):
            raise ValueError(f"{name} is {json_values.shorten(value)}, not a number")
    return row


def _differences(
    old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    # A falling learning rate depends on where the run ends.
    free = set(configs.OPERATIONAL_FIELDS)
    if (new.get("adam") or {}).get("decay_fraction"):
        free -= {"num_epochs", "num_steps"}
    for name, after in new.items():
        if not prefix and name in free:
            continue
        before = old.get(name, configs.ABSENT_MEANS.get(name))
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differences(before, after, f"{prefix}{name}.")
        elif before != after:
            yield f"{prefix}{name}", before, after
