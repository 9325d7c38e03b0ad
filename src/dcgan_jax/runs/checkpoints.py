"""Checkpoints of the whole TrainState: written whole or not at all, verified when read.

`checkpoints/step_00001200/` holds `state/`, which orbax writes, and `manifest.json`.
The manifest has the format version, the step, the resolved config, the store's
fingerprint, every array's shape, and the sha256 of every file and of itself. The folder
is written under another name and renamed when it is complete and has been read back.
"""

import errno
import json
import logging
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from dcgan_jax.gan import state as train_state
from dcgan_jax.gan.state import TrainState
from dcgan_jax.runs import checkpoint_manifest, orbax_files
from dcgan_jax.system import disk, errors

MANIFEST = checkpoint_manifest.FILE_NAME
_SLACK_BYTES = 1 << 20  # for orbax's own files and the manifest
_STATE = "state"
list_steps = checkpoint_manifest.list_steps


class Checkpoint(NamedTuple):
    """A checkpoint on disk whose files all verify."""

    path: Path
    manifest: dict[str, Any]

    @property
    def step(self) -> int:
        """The number of steps done."""
        return int(self.manifest["step"])


def save(folder: Path, state: TrainState, *, about: Mapping[str, Any]) -> Path:
    """Write a state as a new checkpoint; only one of several processes does so.

    Older checkpoints stay as they are even if this one fails.

    Args:
        folder: the folder of all checkpoints of the run.
        state: the whole state.
        about: more fields of the manifest: config and fingerprint.

    Returns:
        The checkpoint's folder.

    Raises:
        OSError: if the disk is full.
        InputError: if the files that were written are read back otherwise.
    """
    step = int(state.step)
    final = folder / f"step_{step:08d}"
    partial = folder / f".{final.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    arrays: dict[str, Any] = train_state.to_flat(state)
    if jax.process_count() > 1:
        # Orbax takes jax.Arrays for parts of what all processes save together.
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
    partial.mkdir(parents=True)
    try:
        num_bytes = sum(array.nbytes for array in arrays.values())
        _require_room(partial, num_bytes + _SLACK_BYTES)
        orbax_files.save(partial / _STATE, arrays)
        manifest = {
            "format_version": checkpoint_manifest.FORMAT_VERSION,
            "step": step,
            **about,
            "arrays": {
                name: {"shape": list(array.shape), "dtype": str(array.dtype)}
                for name, array in arrays.items()
            },
            "sha256": {
                str(path.relative_to(partial)): disk.hash_file(path)
                for path in sorted((partial / _STATE).rglob("*"))
                if path.is_file()
            },
        }
        signed = json.dumps(checkpoint_manifest.sign(manifest), indent=1)
        disk.write_whole(partial / MANIFEST, signed.encode())
        for path in [*partial.rglob("*"), partial]:
            disk.sync(path)
        checkpoint_manifest.verify(partial, name=final.name)
        orbax_files.prove(partial / _STATE, arrays)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        disk.sync(folder)
    except BaseException:
        _remove_for_good(partial)
        raise
    return final


def prove_folder(folder: Path) -> None:
    """Save an array in a run's folder and read it back, before anything can be lost.

    Raises:
        InputError: if checkpoints cannot be kept there.
    """
    partial = folder / ".step_probe.partial"
    remove_partial(folder)
    partial.mkdir(parents=True)
    arrays = {"probe": np.arange(2, dtype=np.float32)}
    try:
        orbax_files.save(partial / _STATE, arrays)
        orbax_files.prove(partial / _STATE, arrays)
    except (ValueError, OSError) as error:
        _remove_for_good(partial)
        if isinstance(error, OSError):
            raise
        raise errors.InputError(
            f"{folder} cannot hold checkpoints: an array that was saved there as a test"
            f" is not read back ({errors.first_line(error)}). Choose another --workdir."
        ) from error
    shutil.rmtree(partial)


def find_newest(folder: Path, *, step: int | None = None) -> Checkpoint | None:
    """Return the newest checkpoint that verifies, or None if there is none at all.

    The log says which ones were skipped and why.

    Args:
        folder: the folder of all checkpoints of the run.
        step: the step of the only checkpoint that will do; None if any will.

    Raises:
        MissingInputError: if `step` is given and there is no such checkpoint.
        InputError: if there are checkpoints but none verifies.
    """
    steps = list_steps(folder)
    if step is not None:
        if step not in steps:
            known = ", ".join(map(str, steps)) or "none"
            raise errors.MissingInputError(
                f"{folder} has no checkpoint of step {step}; there are: {known}."
            )
        steps = [step]
    problems = []
    for candidate in reversed(steps):
        path = folder / f"step_{candidate:08d}"
        try:
            manifest = checkpoint_manifest.verify(path)
        except (OSError, ValueError) as error:
            problems.append(errors.one_line(f"step {candidate}: {error}"))
            continue
        for problem in problems:
            logging.getLogger(__name__).warning("skipped checkpoint %s", problem)
        return Checkpoint(path, manifest)
    if problems:
        raise errors.InputError(
            f"no checkpoint in {folder} can be used ({'; '.join(problems)}). "
            "Move the folder away to start anew."
        )
    return None


def restore(checkpoint: Checkpoint, template: TrainState) -> TrainState:
    """Read a checkpoint into a state of the template's structure.

    Args:
        checkpoint: what `find_newest` returned.
        template: shapes and dtypes, as from `jax.eval_shape`. Collections of its
            `optional` that the checkpoint does not have are kept from the template.

    Raises:
        InputError: if an array is missing or has another shape or dtype.
    """
    wanted = train_state.to_flat(template)
    on_disk = checkpoint.manifest["arrays"]
    _check_arrays(wanted, on_disk, checkpoint)
    arrays = read_arrays(checkpoint)
    missing = {name: wanted[name] for name in wanted.keys() - arrays.keys()}
    return train_state.from_flat(template, {**missing, **arrays})


def read_arrays(checkpoint: Checkpoint) -> dict[str, jax.Array]:
    """Read every array by its name, such as `gen/params/conv0/kernel`.

    Raises:
        InputError: if orbax cannot read the arrays that the manifest lists.
    """
    about = checkpoint.manifest["arrays"]
    return orbax_files.read(checkpoint.path / _STATE, about)


def prune(folder: Path, *, keep_newest: int, keep_every: int | None) -> None:
    """Delete all checkpoints but the newest and those at multiples of `keep_every`."""
    steps = list_steps(folder)
    kept = set(steps[-keep_newest:])
    if keep_every:
        kept |= {step for step in steps if step % keep_every == 0}
    for step in set(steps) - kept:
        shutil.rmtree(folder / f"step_{step:08d}")


def remove_partial(folder: Path) -> None:
    """Delete the folders that killed saves have left behind."""
    for path in folder.glob(".step_*.partial"):
        shutil.rmtree(path)


def _remove_for_good(folder: Path) -> None:
    """Remove a folder until it stays away, since threads of a failed save remake it."""
    absences = 0
    for _ in range(100):
        absences = 0 if folder.exists() else absences + 1
        if absences == 10:  # for a second; TensorStore's last writes came within 0.02 s
            return
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.1)


def _require_room(folder: Path, num_bytes: int) -> None:
    """Raise an error before orbax does, whose threads report a full disk at length."""
    free = disk.find_free(folder)
    if free is not None and free < num_bytes:
        raise OSError(
            errno.ENOSPC,
            f"{os.strerror(errno.ENOSPC)} ({num_bytes:,} bytes needed, {free:,} free)",
            str(folder.parent),
        )


def _check_arrays(
    wanted: dict[str, Any], on_disk: dict[str, Any], checkpoint: Checkpoint
) -> None:
    for name, array in wanted.items():
        shape, found = tuple(array.shape), on_disk.get(name)
        if found is None:
            if name.startswith("optional/"):
                continue
            problem = f"it has no {name}, expected {shape}"
        elif (there := tuple(found["shape"])) != shape:
            problem = f"{name} is {there} on disk, expected {shape}"
        elif found["dtype"] != str(array.dtype):
            problem = f"{name} is {found['dtype']} on disk, expected {array.dtype}"
        else:
            continue
        raise errors.InputError(
            f"checkpoint step {checkpoint.step} does not fit this run: {problem}."
        )
