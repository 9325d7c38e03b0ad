"""MATLAB's files of version 5, which are those of `save -v7` too: numbers alone.

They are read in pieces, so that no size that a file states takes memory before the
bytes are there. Objects, functions and cells are never looked into.

Source: MathWorks, "MAT-File Format", level 5.
"""

import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED, _INT8, _INT32, _UINT32 = 14, 15, 1, 5, 6
_TYPES = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8",
    12: "i8", 13: "u8",
}  # fmt: skip
_NUMERIC_CLASSES = range(6, 16)  # double, single, and integers of 8 to 64 bits
_COMPLEX = 0x0800
_MAX_NAME_BYTES = 64
_MAX_AXES = 8
_READ_BYTES = 1 << 20


class DamagedMatError(ValueError):
    """Say what is wrong with a file."""


class Variable(NamedTuple):
    """An array in a file."""

    name: str
    shape: tuple[int, ...]
    """The first axis is that whose neighbours lie side by side."""
    is_numeric: bool
    start: int
    """The place in the file at which its element begins, in bytes."""


def is_mat73(path: Path) -> bool:
    """Tell whether a file is of version 7.3, which is HDF5."""
    with path.open("rb") as file:
        return file.read(10) == b"MATLAB 7.3"


def list_variables(path: Path) -> list[Variable]:
    """List the arrays in a file.

    Raises:
        DamagedMatError: if it is of another format, or cut short.
    """
    size = path.stat().st_size
    found = []
    with path.open("rb") as file:
        order = _read_order(file)
        start = _HEADER_BYTES
        while start < size:
            file.seek(start)
            head = file.read(8)
            if len(head) < 8:
                raise DamagedMatError(f"it ends within the element at byte {start:,}")
            kind, num_bytes = struct.unpack(f"{order}II", head)
            end = start + 8 + num_bytes
            if kind not in (_MATRIX, _COMPRESSED):
                raise DamagedMatError(f"at byte {start:,} is an element of type {kind}")
            if end > size:
                raise DamagedMatError(
                    f"it has {size:,} bytes, but the element at byte {start:,} ends at"
                    f" {end:,}"
                )
            found.append(_read_head(_Stream(file, start, order))._replace(start=start))
            start = end
    return found


def copy_numbers(path: Path, variable: Variable, target: IO[bytes]) -> np.dtype:
    """Write the numbers of an array to a file, in the order and type that they have.

    Returns:
        Their type.

    Raises:
        DamagedMatError: if it is cut short or damaged, or holds no real numbers.
    """
    with path.open("rb") as file:
        stream = _Stream(file, variable.start, _read_order(file))
        _read_head(stream)
        kind, num_bytes, padding = stream.read_tag()
        if kind not in _TYPES:
            raise DamagedMatError(f"{variable.name} holds numbers of type {kind}")
        dtype = np.dtype(stream.order + _TYPES[kind])
        expected = math.prod(variable.shape) * dtype.itemsize
        if num_bytes != expected:
            raise DamagedMatError(
                f"{variable.name} has {num_bytes:,} bytes, expected {expected:,} for"
                f" {variable.shape} {dtype.name}"
            )
        while num_bytes:
            block = stream.read(min(num_bytes, _READ_BYTES))
            target.write(block)
            num_bytes -= len(block)
        stream.read(padding)
        stream.check_end()
    return dtype


class _Stream:
    """The bytes of one element, unpacked if need be."""

    def __init__(self, file: IO[bytes], start: int, order: str) -> None:
        self.order = order
        self._file = file
        self._waiting = self._small = b""
        file.seek(start)
        kind, self._left = struct.unpack(f"{order}II", file.read(8))
        self._unpacker = None
        if kind == _COMPRESSED:
            self._unpacker = zlib.decompressobj()
            kind, _ = struct.unpack(f"{order}II", self.read(8))
        if kind != _MATRIX:
            raise DamagedMatError(f"the element at byte {start:,} holds no array")

    def read(self, num_bytes: int) -> bytes:
        """Read exactly so many bytes, which are few."""
        found = b""
        while len(found) < num_bytes:
            block = self._read_some(num_bytes - len(found))
            if not block:
                raise DamagedMatError("an array ends before its last number")
            found += block
        return found

    def _read_some(self, most: int) -> bytes:
        if self._small:
            block, self._small = self._small[:most], self._small[most:]
            return block
        if self._unpacker is None:
            block = self._file.read(min(most, self._left))
            self._left -= len(block)
            return block
        while True:
            if not self._waiting:
                self._waiting = self._file.read(min(_READ_BYTES, self._left))
                self._left -= len(self._waiting)
            given = self._waiting
            try:
                block = self._unpacker.decompress(given, most)
            except zlib.error as error:
                raise DamagedMatError(f"an array is damaged ({error})") from error
            self._waiting = self._unpacker.unconsumed_tail
            if block or self._unpacker.eof or not given:
                return block

    def read_tag(self) -> tuple[int, int, int]:
        """Read type, size and padding of what follows; a small one is in the tag."""
        kind, num_bytes = struct.unpack(f"{self.order}II", self.read(8))
        if kind >> 16:
            small = struct.pack(f"{self.order}I", num_bytes)
            num_bytes, kind = kind >> 16, kind & 0xFFFF
            if num_bytes > 4:
                raise DamagedMatError(f"a small element has {num_bytes} bytes")
            self._small = small
            return kind, num_bytes, 4 - num_bytes
        return kind, num_bytes, -num_bytes % 8

    def read_element(self, *, kind: int, most: int) -> bytes:
        """Read a small element of a type."""
        found, num_bytes, padding = self.read_tag()
        if found != kind or num_bytes > most:
            raise DamagedMatError(
                f"an array's header has {num_bytes:,} bytes of type {found}, expected"
                f" at most {most} of type {kind}"
            )
        content = self.read(num_bytes)
        self.read(padding)
        return content

    def check_end(self) -> None:
        """Raise an error unless all was read, and its checksum was right."""
        unpacker = self._unpacker
        if unpacker is not None and self._read_some(1):
            raise DamagedMatError("an array has more behind its end")
        if unpacker is not None and not unpacker.eof:
            raise DamagedMatError("an array ends without its checksum")
        if self._left or (unpacker is not None and unpacker.unused_data):
            raise DamagedMatError("there is more behind the end of an array")


def _read_order(file: IO[bytes]) -> str:
    file.seek(0, os.SEEK_SET)
    head = file.read(_HEADER_BYTES)
    orders = {b"IM": "<", b"MI": ">"}
    if len(head) < _HEADER_BYTES or head[126:128] not in orders:
        raise DamagedMatError("it has no header of MATLAB's version 5")
    return orders[head[126:128]]


def _read_head(stream: _Stream) -> Variable:
    flags = stream.read_element(kind=_UINT32, most=8)
    if len(flags) != 8:
        raise DamagedMatError("an array's header has no flags")
    (word,) = struct.unpack(f"{stream.order}I", flags[:4])
    sides = stream.read_element(kind=_INT32, most=4 * _MAX_AXES)
    shape = struct.unpack(f"{stream.order}{len(sides) // 4}i", sides[: len(sides) & ~3])
    if not shape or min(shape) < 0:
        raise DamagedMatError(f"an array has the shape {shape}")
    name = stream.read_element(kind=_INT8, most=_MAX_NAME_BYTES)
    is_numeric = word & 0xFF in _NUMERIC_CLASSES and not word & _COMPLEX
    return Variable(name.decode("ascii", "backslashreplace"), shape, is_numeric, 0)
