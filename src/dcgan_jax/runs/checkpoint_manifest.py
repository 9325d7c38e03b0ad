"""A checkpoint's manifest, which says what is in its files and proves them whole.

This module needs no JAX.
"""

import dataclasses
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax.system import disk, json_values

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"
_FOLDER = re.compile(r"step_(\d{8})")
_SIGNATURE = "manifest_sha256"
# Parameters hardly compress. The zeros of a new optimiser do, and there are at most
# twice as many of them.
_MAX_RATIO = 1000
_SLACK_BYTES = 1 << 20
_DTYPES = ("float32", "int32", "uint32", "float16", "bool")


@dataclasses.dataclass(frozen=True)
class _Array:
    """An array's entry in a manifest."""

    shape: list[int]
    dtype: str


@dataclasses.dataclass(frozen=True)
class _Contents:
    """The fields of a manifest that are needed to read a checkpoint."""

    step: int
    arrays: dict[str, _Array]
    sha256: dict[str, str]


def list_steps(folder: Path) -> list[int]:
    """Return the steps of the checkpoints in a folder, oldest first, unverified."""
    if not folder.is_dir():
        return []
    matches = [_FOLDER.fullmatch(path.name) for path in folder.iterdir()]
    return sorted(int(match.group(1)) for match in matches if match)


def sign(manifest: dict[str, Any]) -> dict[str, Any]:
    """Add a manifest's own sha256 to it."""
    return {**manifest, _SIGNATURE: _sha256(manifest)}


def verify(path: Path, *, name: str | None = None) -> dict[str, Any]:
    """Return the manifest of a checkpoint whose files are all there and unchanged.

    Args:
        path: the checkpoint's folder.
        name: the name that the folder will have; None if it has it already.

    Raises:
        OSError: if a file cannot be read.
        ValueError: if a file is missing, changed or unknown, or the manifest is wrong.
    """
    manifest = json_values.parse((path / FILE_NAME).read_bytes())
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(f"format version {version}, expected {FORMAT_VERSION}")
    signature = manifest.pop(_SIGNATURE, None)
    if _sha256(manifest) != signature:
        raise ValueError(f"{FILE_NAME} is damaged (its sha256 differs)")
    about = json_values.build(
        _Contents,
        {name: manifest.get(name) for name in _Contents.__annotations__},
        FILE_NAME,
    )
    files = {
        str(child.relative_to(path)): child.stat().st_size
        for child in (path / "state").rglob("*")
        if child.is_file()
    }
    for file in sorted(files.keys() ^ about.sha256.keys()):
        if file in about.sha256:
            raise ValueError(f"{file} is missing")
        # Systems that copy folders leave hidden files there.
        if not Path(file).name.startswith("."):
            raise ValueError(f"{file} does not belong there")
    for file, digest in about.sha256.items():
        if disk.hash_file(path / file) != digest:
            raise ValueError(f"{file} is damaged (its sha256 differs)")
    _check_contents(about, name or path.name, num_bytes=sum(files.values()))
    return manifest


def _check_contents(about: _Contents, folder: str, *, num_bytes: int) -> None:
    """Raise a ValueError if a manifest's step or arrays cannot be those of its files.

    Args:
        about: the manifest.
        folder: the name of the checkpoint's folder.
        num_bytes: the size of all files.
    """
    if folder != f"step_{about.step:08d}":
        raise ValueError(f"{FILE_NAME} is of step {about.step}")
    total = 0
    for name, array in about.arrays.items():
        if array.dtype not in _DTYPES or min(array.shape, default=0) < 0:
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
        total += math.prod(array.shape) * np.dtype(array.dtype).itemsize
    if total > _MAX_RATIO * num_bytes + _SLACK_BYTES:
        raise ValueError(f"{total:,} bytes of arrays in files of {num_bytes:,}")


def _sha256(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
