"""Download LSUN's archives: resumed after every interruption, checked at the end."""

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, NamedTuple

from dcgan_jax.config import DataConfig
from dcgan_jax.system import disk, errors, progress

_BLOCK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60
_ATTEMPTS = 6  # without a byte of progress; the waits between them sum to a minute
_RANGE_NOT_SATISFIABLE = 416


class Remote(NamedTuple):
    """A file to be had over HTTP."""

    url: str
    size: int
    """Bytes."""
    sha256: str


# The host offers no TLS and no checksums; these are those of the authors' files.
_LSUN = {
    "train": Remote(
        "http://dl.yf.io/lsun/scenes/bedroom_train_lmdb.zip",
        45_922_737_680,
        "a15644c2e7153106867f0adb3491fc41224102d1f01b24494fb47d9f5d1f174e",
    ),
    "val": Remote(
        "http://dl.yf.io/lsun/scenes/bedroom_val_lmdb.zip",
        4_670_661,
        "5d022e781b241c25ec2e1f1f769afcdb8091d7fd58362667aec03137b8114b12",
    ),
}


def fetch_lsun(config: DataConfig) -> Path:
    """Return the zip of a split of LSUN's bedrooms, downloading it if need be.

    Raises:
        InputError: if there is no such split, no room, or the file cannot be had.
    """
    split = "val" if config.split in ("valid", "validation") else config.split
    if split not in _LSUN:
        raise errors.InputError(
            f"lsun_bedroom has no split {config.split!r}; it has: train, val"
        )
    remote = _LSUN[split]
    target = config.data_dir / "downloads" / Path(remote.url).name
    go_on = f"--dataset=lsun_bedroom --split={split} --source=PATH/{target.name}"
    return fetch(remote, target, go_on=go_on)


def fetch(
    remote: Remote, target: Path, *, go_on: str, first_wait_seconds: float = 2.0
) -> Path:
    """Download a file unless it is there; go on where an earlier process stopped.

    Args:
        remote: what to download.
        target: where to; until it is whole and checked, it is called target.part.
        go_on: the flags with which a user who has the file from elsewhere goes on.
        first_wait_seconds: pause after a failure; doubled after each further one.

    Returns:
        The target.

    Raises:
        InputError: if the host fails repeatedly, the content is wrong, or there is no
            room.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with disk.exclusive(target.with_name(target.name + ".lock")):
        if target.is_file() and target.stat().st_size == remote.size:
            return target
        part = target.with_name(target.name + ".part")
        # Twice: what is downloaded is unpacked beside it.
        needed = 2 * remote.size - _size(part)
        purpose = f"{target.name} and its unpacked copy"
        disk.require_free(target.parent, needed, purpose=purpose)
        reason = _download(remote, part, first_wait_seconds)
        if reason is not None:
            raise errors.InputError(
                f"{remote.url} cannot be downloaded ({reason}); run the command again"
                " later, or get the file elsewhere"
                f" (sha256 {remote.sha256}) and go on with: {go_on}"
            )
        _check(part, remote)
        return part.rename(target)


def _download(remote: Remote, part: Path, wait_seconds: float) -> str | None:
    """Fetch what is missing of a file; return why that failed, if it did."""
    attempt, reason = 1, "the connection was cut"
    label = f"downloading {Path(remote.url).name}"
    done = _size(part)
    with progress.track(label, remote.size, unit="B", done=done) as advance:
        while (before := _size(part)) < remote.size:
            try:
                _request(remote, part, advance)
            except urllib.error.HTTPError as error:
                reason = f"HTTP {error.code} {error.reason}"
                if error.code == _RANGE_NOT_SATISFIABLE:
                    part.unlink(missing_ok=True)
                    return f"the host's file is shorter than {remote.size} bytes"
            except urllib.error.URLError as error:
                reason = str(error.reason)
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            attempt = 1 if _size(part) > before else attempt + 1
            if attempt > _ATTEMPTS:
                return reason
            if _size(part) < remote.size:
                time.sleep(wait_seconds * 2 ** (attempt - 1))
    return None


def _request(remote: Remote, part: Path, advance: progress.Advance) -> None:
    """Append to the part what one connection yields."""
    start = _size(part)
    request = urllib.request.Request(remote.url, headers={"Range": f"bytes={start}-"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
        content_range = response.headers.get("Content-Range", "")
        follows_on = re.match(rf"bytes {start}-", content_range) is not None
        if start and not follows_on:
            advance(-start)  # this host sends everything anew
        with part.open("ab" if follows_on else "wb") as file:
            _copy(response, file, remote.size - (start if follows_on else 0), advance)


def _copy(
    response: IO[bytes], file: IO[bytes], limit: int, advance: progress.Advance
) -> None:
    # A host that sends more than the file has cannot fill the disk.
    while limit > 0 and (block := response.read(min(_BLOCK_BYTES, limit))):
        file.write(block)
        limit -= len(block)
        advance(len(block))


def _check(part: Path, remote: Remote) -> None:
    """Compare the checksum; a wrong file is removed."""
    digest = hashlib.sha256()
    label = f"checking {Path(remote.url).name}"
    with (
        part.open("rb") as file,
        progress.track(label, remote.size, unit="B") as advance,
    ):
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            advance(len(block))
    if digest.hexdigest() != remote.sha256:
        part.unlink()
        raise errors.InputError(
            f"{remote.url} sent other bytes than expected: sha256 {digest.hexdigest()},"
            f" expected {remote.sha256}; they were removed. Run the command again"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
