"""A zip that holds the files of MNIST, CIFAR or STL-10, or a CSV, and no images."""

import functools
import re
from pathlib import Path

from dcgan_jax.config import DataConfig
from dcgan_jax.prepare.sources import (
    archives,
    cifar,
    idx,
    names,
    pixel_csv,
    stl10,
    unpack,
    zip_check,
)
from dcgan_jax.prepare.sources.base import Kind, Source, fingerprint_file, has_suffix
from dcgan_jax.system import errors

_KINDS = (idx.KIND, cifar.KIND, stl10.KIND, pixel_csv.KIND)
_NAMES = (
    idx.NAME,
    cifar.NAME,
    stl10.NAME,
    re.compile(r".*\.csv(\.gz)?", re.IGNORECASE),
)
_MAX_FILES = 1000  # more are no files of these sets


def _holds(path: Path) -> bool:
    if not has_suffix(path, ".zip"):
        return False
    status = path.stat()
    return bool(_list(path, status.st_size, status.st_mtime_ns))


@functools.lru_cache(maxsize=8)  # reading the list of a large zip takes its time
def _list(path: Path, size: int, changed: int) -> tuple[int, ...]:
    """Return the places of the data files in the list; none where images lie there."""
    del size, changed  # a file that was replaced is another one
    with unpack.open_zip(path) as archive:
        found = archive.namelist()
    if len(found) > _MAX_FILES or any(map(names.is_image, found)):
        return ()
    return tuple(i for i, name in enumerate(found) if _is_data(name))


def _is_data(name: str) -> bool:
    *folders, last = names.split_path(name.replace("\\", "/"))
    is_shown = not any(part.startswith((".", "__MACOSX")) for part in (*folders, last))
    return is_shown and any(pattern.fullmatch(last) for pattern in _NAMES)


def _open(path: Path, config: DataConfig, work_dir: Path) -> Source:
    folder = work_dir / "unzipped"
    try:
        _unpack(path, folder)
        for kind in _KINDS:
            if kind.holds(folder):
                source = kind.open(folder, config, work_dir)
                source.fingerprint = fingerprint_file(path)
                return source
    except errors.InputError as error:
        told = str(error).replace(str(folder), str(path))
        raise errors.InputError(told) from error
    return archives.ZipSource(path, config.split)  # which says what is there


def _unpack(path: Path, folder: Path) -> None:
    """Unpack the data files into their folders; what is there already is kept."""
    status = path.stat()
    places = _list(path, status.st_size, status.st_mtime_ns)
    with unpack.open_zip(path) as archive:
        zip_check.require_whole(archive, path)
        infos = archive.infolist()
        total = sum(infos[place].file_size for place in places)
        unpack.check_expansion(total, where=path)
        for place in places:
            info = infos[place]
            archives.check_member_name(info.filename, where=path)
            if info.flag_bits & 1:
                raise errors.InputError(
                    f"{path} is encrypted; unpack it with its password"
                )
            target = folder.joinpath(
                *names.split_path(info.filename.replace("\\", "/"))
            )
            if target.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            unpack.extract(archive, info, work_dir=folder, where=path).rename(target)


KIND = Kind(words="", holds=_holds, open=_open)
