"""Features on the disk: rows of floats in one .npy file.

The file is written block by block. A note says which blocks are whole, so that a killed
process goes on from there. The manifest, which is written last, takes its place.
"""

import contextlib
import hashlib
import io
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from dcgan_jax.system import disk, errors, json_values, npy_file, progress

VERSION = 1
ROWS_PER_BLOCK = 1024
BATCH = 128
FeatureType = Literal["float32", "float16"]
Produce = Callable[[int, int], np.ndarray]
Identity = dict[str, Any]
Mapped = np.ndarray
_FEATURES, _MANIFEST, _NOTE = "features.npy", "manifest.json", "unfinished.json"
# Below this size every opening hashes the whole file.
_HASH_UP_TO_BYTES = 4 << 30
_AGAIN = "delete the folder and run the command again"


class Shape(NamedTuple):
    """The size and type of a file's contents.

    Attributes:
        num_rows: the number of rows, one for each image in the order of its store.
        num_features: the length of a row.
        dtype: the type of the numbers.
    """

    num_rows: int
    num_features: int
    dtype: FeatureType


def find_folder(data_dir: Path, identity: Identity, dtype: FeatureType) -> Path:
    """Return the folder of the features of an identity."""
    text = json.dumps([identity, dtype], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return data_dir / "features" / digest


def make(folder: Path, produce: Produce, shape: Shape, *, identity: Identity) -> Mapped:
    """Extract the features of all images, unless the folder has them.

    Args:
        folder: the file's own; another identity must have another one.
        produce: (start, stop) → the float rows from start up to stop, at most 128.
        shape: what the file holds.
        identity: everything that the features depend on, as JSON values.

    Returns:
        The file, mapped into memory: (num_rows, num_features).

    Raises:
        InputError: if the folder holds other features or damaged ones, or the disk is
            too small.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with disk.exclusive(folder.with_name(folder.name + ".lock")):
        if not (folder / _MANIFEST).is_file():
            folder.mkdir(exist_ok=True)
            _write(folder, produce, shape, identity=identity)
    return read(folder, shape, identity=identity)


def read(folder: Path, shape: Shape, *, identity: Identity) -> Mapped:
    """Map a finished file into memory after checking that it is whole.

    Raises:
        InputError: if it holds other features than expected, or is damaged.
    """
    manifest = _read_json(folder / _MANIFEST)
    _check_identity(folder, manifest, identity)
    file = folder / _FEATURES
    try:
        features = npy_file.map_file(file)
    except (ValueError, OSError) as error:
        raise errors.InputError(
            f"{file} is damaged ({errors.first_line(error)}); {_AGAIN}"
        ) from error
    expected = (shape.num_rows, shape.num_features)
    if features.shape != expected or features.dtype != shape.dtype:
        raise errors.InputError(
            f"{file} holds {features.dtype} {features.shape}, expected {shape.dtype}"
            f" {expected}; {_AGAIN}"
        )
    if features.nbytes < _HASH_UP_TO_BYTES:
        found = [_hash(block) for block in _blocks(features)]
        if found != manifest.get("blocks"):
            raise errors.InputError(
                f"{file} is damaged: its sha256 is not the manifest's; {_AGAIN}"
            )
    return features


def _write(folder: Path, produce: Produce, shape: Shape, *, identity: Identity) -> None:
    note, file = folder / _NOTE, folder / _FEATURES
    known = {"version": VERSION, "identity": identity, "shape": list(shape)}
    hashes: list[str] = []
    if note.is_file() and file.is_file():
        # A damaged note costs the work that it tells of, but nothing else.
        with contextlib.suppress(errors.InputError):
            found = _read_json(note)
            if {name: found.get(name) for name in known} == known:
                hashes = _check_blocks(found.get("blocks"), shape, file)
    header = _make_header(shape)
    row_bytes = shape.num_features * np.dtype(shape.dtype).itemsize
    done = min(len(hashes) * ROWS_PER_BLOCK, shape.num_rows)
    room = (shape.num_rows - done) * row_bytes
    disk.require_free(folder, room, purpose="the features")
    with (
        file.open("r+b" if hashes else "w+b") as stream,
        progress.track(
            f"extracting {shape.num_features:,} features",
            shape.num_rows,
            unit="images",
            done=done,
        ) as advance,
    ):
        stream.write(header)
        stream.truncate(len(header) + done * row_bytes)
        stream.seek(0, os.SEEK_END)
        for start in range(done, shape.num_rows, ROWS_PER_BLOCK):
            stop = min(start + ROWS_PER_BLOCK, shape.num_rows)
            digest = hashlib.sha256()
            for first, last in _batches(start, stop):
                rows = produce(first, last).astype(shape.dtype)
                content = np.ascontiguousarray(rows).data
                digest.update(content)
                stream.write(content)
                advance(last - first)
            stream.flush()
            os.fsync(stream.fileno())
            hashes.append(digest.hexdigest())
            disk.write_whole(note, json.dumps({**known, "blocks": hashes}).encode())
    manifest = json.dumps({**known, "blocks": hashes}, indent=1)
    disk.write_whole(folder / _MANIFEST, manifest.encode())
    with contextlib.suppress(OSError):
        note.unlink(missing_ok=True)


def _check_blocks(blocks: Any, shape: Shape, file: Path) -> list[str]:
    """Return the blocks of a note if the file can hold them; else return none."""
    most = -(-shape.num_rows // ROWS_PER_BLOCK)
    if not isinstance(blocks, list) or len(blocks) > most:
        return []
    rows = min(len(blocks) * ROWS_PER_BLOCK, shape.num_rows)
    needed = rows * shape.num_features * np.dtype(shape.dtype).itemsize
    return blocks if file.stat().st_size >= len(_make_header(shape)) + needed else []


def _batches(start: int, stop: int) -> list[tuple[int, int]]:
    # A batch of images and their features are all that memory holds beside the file.
    cuts = [*range(start, stop, BATCH), stop]
    return list(itertools.pairwise(cuts))


def _make_header(shape: Shape) -> bytes:
    """Return the first bytes of the .npy file, a multiple of 64."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer,
        {
            "descr": np.lib.format.dtype_to_descr(np.dtype(shape.dtype)),
            "fortran_order": False,
            "shape": (shape.num_rows, shape.num_features),
        },
    )
    return buffer.getvalue()


def _blocks(features: np.ndarray) -> list[np.ndarray]:
    return [
        features[start : start + ROWS_PER_BLOCK]
        for start in range(0, len(features), ROWS_PER_BLOCK)
    ]


def _hash(block: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(block).data).hexdigest()


def _check_identity(folder: Path, manifest: dict[str, Any], identity: Identity) -> None:
    """Raise an error if a folder's features were made of something else."""
    found = manifest.get("identity")
    found = found if isinstance(found, dict) else {}
    for name, value in identity.items():
        if found.get(name) != value:
            raise errors.InputError(
                f"{folder} holds other features: their {name} is {found.get(name)!r},"
                f" expected {value!r}; {_AGAIN}"
            )


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return json_values.parse(file.read_bytes())
    except (OSError, ValueError) as error:
        raise errors.InputError(f"{file} is damaged ({error}); {_AGAIN}") from error
