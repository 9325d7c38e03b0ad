"""Images in a zip or tar, read in place: no member's name ever reaches the disk."""

import contextlib
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dcgan_jax.prepare.sources import layout, unpack, zip_check
from dcgan_jax.prepare.sources.base import (
    Kind,
    LazyFile,
    Record,
    Understood,
    fingerprint_file,
    has_suffix,
)
from dcgan_jax.system import disk, errors
from dcgan_jax.system.errors import BrokenImage

TAR_SUFFIXES = (
    ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz",
)  # fmt: skip
MAX_MEMBER_BYTES = 256 << 20
_READ_BYTES = 1 << 20
_KNOWN_METHODS = (
    zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA,
)  # fmt: skip


class ZipSource:
    """Images in a zip; each process opens the file for itself."""

    def __init__(self, path: Path, split: str) -> None:
        self._path = path
        self._zip: zipfile.ZipFile | None = None
        with unpack.open_zip(path) as archive:
            zip_check.require_whole(archive, path)
            infos = archive.infolist()
            chosen = layout.select(
                _list_zip(infos, path),
                split,
                where=path,
                read=lambda member: _read_zip(archive, infos[member.place], path),
            )
        self._members, self._labels, self.class_names, self.understood = chosen
        self.fingerprint = fingerprint_file(path)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._members)

    def __getitem__(self, index: int) -> Record:
        """Read one member.

        Raises:
            BrokenImage: if its bytes are damaged.
        """
        if self._zip is None:
            self._zip = unpack.open_zip(self._path)
        member = self._members[index]
        try:
            # By its entry: several may have one name.
            content = self._zip.read(self._zip.infolist()[member.place])
        except Exception as error:  # headers, names and packers have each their own
            reason = errors.first_line(error)
            raise BrokenImage(reason, name=member.path) from error
        label = None if self._labels is None else self._labels[index]
        return Record(member.path, content, label)

    def close(self) -> None:
        """Close the file."""
        if self._zip is not None:
            self._zip.close()
            self._zip = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_zip": None, "understood": Understood()}


class TarSource:
    """Images in one or several tars; compressed ones are unpacked to plain tars first.

    Args:
        paths: the tars.
        split: the part that is taken, where there are folders of splits.
        where: what the user gave, for messages.
        fingerprint: that of all tars.
        work_dir: where they are unpacked.
        others: the tars of other splits.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        split: str,
        *,
        where: Path,
        fingerprint: str,
        work_dir: Path,
        others: Sequence[Path] = (),
    ) -> None:
        self._files: list[LazyFile] = []
        members: list[layout.Member] = []
        for number, path in enumerate([*paths, *others]):
            plain = unpack.decompress(path, work_dir=work_dir)
            self._files.append(LazyFile(plain))
            listed = index_tar(plain, where=path)
            members += [member._replace(archive=number) for member in listed]
        with contextlib.closing(self):  # until it is read from in earnest
            chosen = layout.select(
                [member for member in members if member.archive < len(paths)],
                split,
                where=where,
                read=self._read,
                has_samples=True,
                elsewhere=[m for m in members if m.archive >= len(paths)],
            )
        self._members, self._labels, self.class_names, self.understood = chosen
        self.fingerprint = fingerprint

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._members)

    def __getitem__(self, index: int) -> Record:
        """Read one member.

        Raises:
            BrokenImage: if the tar ends before the member does.
        """
        member = self._members[index]
        content = self._read(member)
        label = None if self._labels is None else self._labels[index]
        return Record(member.path, content, label)

    def _read(self, member: layout.Member) -> bytes:
        return self._files[member.archive].read(
            member.place, member.size, name=member.path, ends="archive"
        )

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "understood": Understood()}


def open_tar(path: Path, split: str, *, work_dir: Path) -> TarSource:
    """Open a single tar; see `TarSource`."""
    fingerprint = fingerprint_file(path)
    return TarSource(
        [path], split, where=path, fingerprint=fingerprint, work_dir=work_dir
    )


def check_member_name(name: str, *, where: Path) -> None:
    """Raise an error if a member's name points outside of its archive.

    Raises:
        InputError: naming the member.
    """
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise errors.InputError(
            f"{where}: member {name!r} would leave the folder; expected names inside of"
            " it. Do not trust this archive; pack it anew"
        )


def _list_zip(infos: Sequence[zipfile.ZipInfo], path: Path) -> Iterator[layout.Member]:
    total = 0
    for place, info in enumerate(infos):
        check_member_name(info.filename, where=path)
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            _refuse_kind(info.filename, "a link", where=path)
        if info.flag_bits & 1:
            raise errors.InputError(
                f"{path}: member {info.filename!r} is encrypted; unpack it with its"
                " password and give the folder as --source"
            )
        if info.compress_type not in _KNOWN_METHODS:
            raise errors.InputError(
                f"{path}: member {info.filename!r} is packed by method"
                f" {info.compress_type}, which Python does not know; pack it anew"
            )
        name = _normalise(info.filename)
        if name.endswith("/"):
            continue
        _check_size(info.filename, info.file_size, where=path)
        total += info.file_size
        unpack.check_expansion(total, where=path)
        yield layout.Member(name, info.file_size, place)


def _read_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: Path) -> bytes:
    try:
        return archive.read(info)
    except Exception as error:  # headers, names and packers have each their own
        raise errors.InputError(
            f"{where}: {info.filename!r} is damaged ({errors.first_line(error)}); get"
            " the archive again"
        ) from error


def _normalise(name: str) -> str:
    """Return a member's name with forward slashes, whichever system packed it."""
    return name.replace("\\", "/").removeprefix("./")


def index_tar(path: Path, *, where: Path) -> list[layout.Member]:
    """List the files of a plain tar, each with its offset."""
    members = []
    try:
        with tarfile.open(path, "r:") as archive:
            for info in archive:
                archive.members = []  # type: ignore[attr-defined]  # else it keeps all
                check_member_name(info.name, where=where)
                if info.isdir():
                    continue
                if info.issym() or info.islnk():
                    _refuse_kind(info.name, f"a link to {info.linkname!r}", where=where)
                if not info.isreg() or info.issparse():
                    _refuse_kind(info.name, "not a plain file", where=where)
                _check_size(info.name, info.size, where=where)
                name = _normalise(info.name)
                members.append(layout.Member(name, info.size, info.offset_data))
            end = archive.offset
    except errors.InputError:
        raise
    except Exception as error:  # numbers and texts in headers, besides tar's own
        raise errors.InputError(
            f"{where} is not a tar or is damaged ({errors.first_line(error)}); get it"
            " again"
        ) from error
    _require_end_mark(path, end, len(members), where=where)
    return members


def _require_end_mark(path: Path, end: int, num_files: int, *, where: Path) -> None:
    """Raise an error unless a block of zeros follows the last member, and zeros only.

    Python's reader takes a damaged header for the end, as it does the end of the file.
    """
    read = f"{num_files:,} files were read, up to byte {end:,}"
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(end)
        if size - end < tarfile.BLOCKSIZE:
            raise errors.InputError(
                f"{where} ends without the mark that ends a tar: {read}, and there may"
                " have been more. It is damaged or its download has stopped; get it"
                " again"
            )
        while block := file.read(_READ_BYTES):
            if block.count(0) != len(block):
                raise errors.InputError(
                    f"{where} is damaged: {read}, of {size:,}; what follows is neither"
                    " a file's header nor the mark that ends a tar. Get it again, or"
                    " give each by itself where several tars were joined"
                )


def _check_size(name: str, size: int, *, where: Path) -> None:
    if not 0 <= size <= MAX_MEMBER_BYTES:
        raise errors.InputError(
            f"{where}: {name!r} has {disk.format_bytes(size)}, expected at"
            f" most {disk.format_bytes(MAX_MEMBER_BYTES)}; pack the archive without it"
        )


def _refuse_kind(name: str, kind: str, *, where: Path) -> None:
    raise errors.InputError(
        f"{where}: member {name!r} is {kind}, expected plain files and folders;"
        " pack the archive without it"
    )


ZIP = Kind(
    words=".zip",
    holds=lambda path: has_suffix(path, ".zip"),
    open=lambda path, config, work_dir: ZipSource(path, config.split),
)
TAR = Kind(
    words=".tar, .tar.gz, .tar.bz2, .tar.xz",
    holds=lambda path: has_suffix(path, *TAR_SUFFIXES),
    open=lambda path, config, work_dir: open_tar(path, config.split, work_dir=work_dir),
)
