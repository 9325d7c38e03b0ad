"""The manifest of a prepared store: what is in it, and where it came from."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from dcgan_jax.system import disk, errors, json_values

VERSION = 1
FILE_NAME = "manifest.json"
_FILE = re.compile(r"[A-Za-z0-9_-]+\.npy")
_SIGNATURE = "manifest_sha256"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """One pair of files of a store."""

    images: str
    """The .npy file of pixels, uint8 (rows, H, W, C)."""
    images_sha256: str
    labels: str | None
    """The .npy file of labels, int32 (rows,)."""
    labels_sha256: str | None
    rows: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about a store but its pixels."""

    dataset: str
    source: str | None
    split: str
    source_fingerprint: str
    transform: dict[str, Any]
    shuffle_seed: int
    """The seed of the permutation that the rows were put into."""
    num_images: int
    class_names: tuple[str, ...] | None
    left_out: tuple[tuple[str, str], ...]
    """The names of the broken images, with reasons."""
    shards: tuple[Shard, ...]
    version: int = VERSION
    decoding: int = 1
    """The number of the rules by which files became pixels, `transforms.DECODING`."""
    splits: tuple[str, ...] = ()
    """The folders of the source that were taken as splits."""
    other_files: str = ""
    """What was left out besides broken images, such as "40 .heic, notes.txt"."""
    unlabelled: str | None = None
    """The reason why there are no labels although something like them was found."""
    notes: tuple[str, ...] = ()
    """Other findings from preparing, a clause each."""
    brightest: int | None = None
    """The largest value of all pixels; None if nobody looked."""


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest into the store's folder, whole or not at all."""
    values = dataclasses.asdict(manifest)
    text = _to_json({**values, _SIGNATURE: _sha256(values)})
    disk.write_whole(path / FILE_NAME, text.encode("utf-8", "surrogateescape"))


def read(path: Path) -> Manifest:
    """Read the manifest of a store's folder.

    Raises:
        MissingInputError: if the folder holds no finished store.
        InputError: if the manifest is damaged or of another version.
    """
    file = path / FILE_NAME
    if not file.is_file():
        raise errors.MissingInputError(
            f"{path} holds no prepared data (no {FILE_NAME}); run prepare first"
        )
    try:
        values = json_values.parse(file.read_bytes().decode("utf-8", "surrogateescape"))
        version = values.get("version")
        if version != VERSION:
            raise errors.InputError(
                f"{file} has format version {version!r}, expected {VERSION};"
                " delete the folder and run prepare again"
            )
        # Stores that were made before manifests were signed have none.
        signature = values.pop(_SIGNATURE, None)
        if signature is not None and signature != _sha256(values):
            raise _damaged(file, "its sha256 differs")
        return _check(json_values.build(Manifest, values, "the manifest"))
    except errors.InputError:
        raise
    except ValueError as error:
        raise _damaged(file, error) from error


def make_shard(values: Any) -> Shard:
    """Make a shard's entry of JSON values.

    Raises:
        ValueError: if one is of another type, or a file's name leads elsewhere.
    """
    shard: Shard = json_values.build(Shard, values, "the shard")
    for name in (shard.images, shard.labels):
        if name is not None and not _FILE.fullmatch(name):
            raise ValueError(f"{json_values.shorten(name)} is no name of a shard")
    if shard.rows < 1:
        raise ValueError(f"a shard has {shard.rows} rows")
    return shard


def _check(manifest: Manifest) -> Manifest:
    """Return a manifest whose numbers and names a store can have.

    Raises:
        ValueError: if it has others; the message names the first.
    """
    for shard in manifest.shards:
        make_shard(dataclasses.asdict(shard))
    for name in ("image_size", "channels"):
        side = manifest.transform.get(name)
        if type(side) is not int or side < 1:
            raise ValueError(f"transform.{name} is {json_values.shorten(side)}")
    return manifest


def _to_json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False)


def _sha256(values: dict[str, Any]) -> str:
    content = _to_json(values).encode("utf-8", "surrogateescape")
    return hashlib.sha256(content).hexdigest()


def _damaged(file: Path, error: Exception | str) -> errors.InputError:
    return errors.InputError(
        f"{file} is damaged or not this project's ({error}); delete the folder and run"
        " prepare again"
    )
