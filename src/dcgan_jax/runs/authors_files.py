"""The authors' numbered files: found in a folder, or downloaded into a cache once.

Wherever a file comes from, it is compared with the git blob id that their repository
gives it, which is the sha1 of "blob", its size, a zero byte and the content.
"""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dcgan_jax.system import disk, errors, npy_file, surroundings

COMMIT = "ee12b2d15a3856794b8dae77d1eb263c67c36e47"
BASE_URL = f"https://raw.githubusercontent.com/Newmu/dcgan_code/{COMMIT}/models"
_MAX_BYTES = 64 << 20
_TIMEOUT_SECONDS = 60
_ATTEMPTS = 4


def read_numbered_arrays(
    folder: str,
    stem: str,
    blobs: Sequence[str],
    *,
    weights_dir: Path | None,
    hint: str = "",
) -> Iterator[np.ndarray]:
    """Yield the first files of a released network as float32 arrays, in order.

    Args:
        folder: the folder below `models/` of the authors' repository.
        stem: how the files' names begin; `_01.npy`, `_02.npy`, … follow.
        blobs: the git blob ids of as many files as are wanted.
        weights_dir: the folder of the files, or one that holds that folder; None: the
            user's cache, into which missing files are downloaded.
        hint: how to go on without a missing file, for the message.

    Raises:
        MissingInputError: if a file is missing in `weights_dir`.
        InputError: if a file is damaged or cannot be downloaded.
    """
    names = [f"{stem}_{number:02d}.npy" for number in range(1, len(blobs) + 1)]
    if weights_dir is None:
        place = _cache() / folder
        _fetch_missing(place, folder, dict(zip(names, blobs, strict=True)))
    else:
        nested = weights_dir / folder
        place = nested if nested.is_dir() else weights_dir
        missing = [name for name in names if not (place / name).is_file()]
        if missing:
            raise errors.MissingInputError(
                f"{place} lacks {', '.join(missing)}; expected the files of"
                f" models/{folder} of github.com/Newmu/dcgan_code (commit"
                f" {COMMIT[:7]}). Put them there, or leave out --weights_dir to have"
                f" them downloaded{hint}."
            )
    for name, blob in zip(names, blobs, strict=True):
        if (size := (place / name).stat().st_size) > _MAX_BYTES:
            raise errors.InputError(
                f"{place / name} is not the authors' file: it has {size:,} bytes."
                " Delete it and get it again."
            )
        content = (place / name).read_bytes()
        if (found := _blob_id(content)) != blob:
            raise errors.InputError(
                f"{place / name} is not the authors' file: its git blob id is {found},"
                f" expected {blob}. Delete it and get it again."
            )
        try:
            array = npy_file.parse(content)
            if array.dtype.kind != "f":
                raise ValueError(f"it holds {array.dtype}")
        except ValueError as error:
            raise errors.InputError(
                f"{place / name} is no array of floats ({error})."
            ) from error
        with np.errstate(over="ignore", invalid="ignore"):  # to infinity
            yield array.astype(np.float32)


def _cache() -> Path:
    home = surroundings.find_cache_folder()
    if home is None:
        raise errors.InputError(
            "there is no home folder to keep the authors' files in; give a folder as "
            "--weights_dir."
        )
    return home / "dcgan_jax" / "authors"


def _fetch_missing(place: Path, folder: str, blobs: dict[str, str]) -> None:
    if all((place / name).is_file() for name in blobs):
        return
    place.mkdir(parents=True, exist_ok=True)
    with disk.exclusive(place / ".lock"):
        for name, blob in blobs.items():
            if not (place / name).is_file():
                content = _download(f"{BASE_URL}/{folder}/{name}", blob, place)
                disk.write_whole(place / name, content)


def _download(url: str, blob: str, place: Path) -> bytes:
    reason = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(2.0 ** (attempt - 1))
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
                content: bytes = response.read(_MAX_BYTES)
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code} {error.reason}"
            continue
        except OSError as error:  # no network, cut or timed out
            reason = str(getattr(error, "reason", error)) or type(error).__name__
            continue
        if (found := _blob_id(content)) == blob:
            return content
        reason = f"it sent other bytes: git blob id {found}, expected {blob}"
    raise errors.InputError(
        f"{url} cannot be downloaded ({reason}); run the command again later, or put"
        f" the files of that folder into {place}, or into another one for those"
        " commands that have --weights_dir"
    )


def _blob_id(content: bytes) -> str:
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
