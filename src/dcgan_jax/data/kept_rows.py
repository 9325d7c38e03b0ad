"""The list of a store's kept rows on disk, and the store without the others.

The folder `dedup` of the store holds two files. kept_rows.npy has the kept rows, int64,
ascending. groups.json, which is written last, has the groups that they were kept from
and what all of it was made of. No pixel is written.
"""

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.data import store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.system import disk, errors, json_values, npy_file

VERSION = 1
FOLDER, ROWS, GROUPS = "dedup", "kept_rows.npy", "groups.json"
_AGAIN = "delete the folder and run prepare with --dedup again"


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeptRows:
    """The result of deduplicating a store."""

    rows: np.ndarray
    """int64, ascending: the rows that are kept."""
    groups: list[list[int]]
    """Rows that stand for each other, two or more; the first of each is kept."""
    num_exact: int
    """Rows left out whose hash is exactly that of a kept row."""
    settings: dict[str, Any]
    """How the hashes were made and compared, as JSON values."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _About:
    """The content of groups.json."""

    version: int
    data_fingerprint: str
    num_images: int
    num_kept: int
    num_exact: int
    kept_rows_sha256: str
    settings: dict[str, Any]
    groups: list[list[int]]


def make(leaders: np.ndarray, *, num_exact: int, settings: dict[str, Any]) -> KeptRows:
    """Sort rows into groups.

    Args:
        leaders: int64 (rows,): the row that is kept in place of each row.
        num_exact: as in KeptRows.
        settings: as in KeptRows.
    """
    rows = np.arange(len(leaders))
    left_out = np.flatnonzero(leaders != rows)
    groups: dict[int, list[int]] = {}
    for leader, row in zip(leaders[left_out].tolist(), left_out.tolist(), strict=True):
        groups.setdefault(leader, [leader]).append(row)
    return KeptRows(
        rows=np.flatnonzero(leaders == rows),
        groups=[groups[leader] for leader in sorted(groups)],
        num_exact=num_exact,
        settings=settings,
    )


def folder_of(config: DataConfig) -> Path:
    """Return where a config's list lies: in the folder of its store."""
    return stores.store_path(config) / FOLDER


def is_complete(folder: Path) -> bool:
    """Tell whether a list was finished; its groups are written last."""
    return (folder / GROUPS).is_file()


def write(folder: Path, kept: KeptRows, *, fingerprint: str) -> None:
    """Write a list.

    Args:
        folder: an existing folder for it.
        kept: the list.
        fingerprint: the fingerprint of the store whose rows they are.
    """
    buffer = io.BytesIO()
    np.save(buffer, kept.rows, allow_pickle=False)
    about = {
        "version": VERSION,
        "data_fingerprint": fingerprint,
        "num_images": len(kept.rows) + sum(len(group) - 1 for group in kept.groups),
        "num_kept": len(kept.rows),
        "num_exact": kept.num_exact,
        "kept_rows_sha256": disk.write_whole(folder / ROWS, buffer.getbuffer()),
        "settings": kept.settings,
        "groups": kept.groups,
    }
    # Each group has a line of its own, since people read this file.
    text = json.dumps({**about, "groups": None}, indent=1).removesuffix("null\n}")
    lines = ",\n  ".join(json.dumps(group) for group in kept.groups)
    content = f"{text}[\n  {lines}\n ]\n}}\n"
    disk.write_whole(folder / GROUPS, content.encode())


def read(folder: Path, *, fingerprint: str) -> KeptRows:
    """Read a list after checking that it is whole and belongs to the store at hand.

    Raises:
        MissingInputError: if there is none.
        InputError: if it is damaged or was made of other images.
    """
    file = folder / GROUPS
    if not file.is_file():
        raise errors.MissingInputError(
            f"{folder} holds no list of kept rows (no {GROUPS}); run prepare with"
            " --dedup first"
        )
    try:
        values = json_values.parse(file.read_bytes())
        version = values.get("version")
        about: _About | None = None
        if version == VERSION:
            about = json_values.build(_About, values, "the list")
    except ValueError as error:
        raise errors.InputError(
            f"{file} is damaged or not this project's ({error}); {_AGAIN}"
        ) from error
    if about is None:
        raise errors.InputError(
            f"{file} has format version {version!r}, expected {VERSION}; {_AGAIN}"
        )
    if about.data_fingerprint != fingerprint:
        raise errors.InputError(
            f"{file} was made of other images than those in {folder.parent}; {_AGAIN}"
        )
    return KeptRows(
        rows=_read_rows(folder / ROWS, about),
        groups=about.groups,
        num_exact=about.num_exact,
        settings=about.settings,
    )


def open_training_store(config: DataConfig) -> Store:
    """Open the store of a run: with --dedup, of the kept rows alone.

    Raises:
        MissingInputError: if the store or its list is not there.
        InputError: if either is damaged.
    """
    store = stores.open_store(stores.store_path(config))
    if not config.dedup:
        return store
    return select(store, folder_of(config))


def select(store: Store, folder: Path) -> Store:
    """Return a store of the rows that a list keeps.

    Raises:
        MissingInputError: if there is no list in the folder.
        InputError: if it is damaged, or of rows that the store does not have.
    """
    rows = read(folder, fingerprint=store.fingerprint).rows
    if rows[-1] >= len(store):
        raise errors.InputError(
            f"{folder} keeps row {rows[-1]} of a store of {len(store)}; {_AGAIN}"
        )
    return store.select(rows)


def _read_rows(file: Path, about: _About) -> np.ndarray:
    if not file.is_file():
        raise errors.InputError(f"{file} is missing; {_AGAIN}")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != about.kept_rows_sha256:
        raise errors.InputError(
            f"{file} is damaged: its sha256 is not the one in {GROUPS}; {_AGAIN}"
        )
    try:
        rows = npy_file.parse(content)
        if rows.dtype != np.int64 or rows.shape != (about.num_kept,):
            raise ValueError(f"it holds {rows.dtype} {rows.shape}")
        if about.num_kept < 1 or rows[0] < 0 or (np.diff(rows) <= 0).any():
            raise ValueError("its rows do not ascend from 0")
    except ValueError as error:
        raise errors.InputError(f"{file} is damaged ({error}); {_AGAIN}") from error
    return rows
