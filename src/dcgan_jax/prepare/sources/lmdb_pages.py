"""Where an LMDB's values lie, found in its pages; nothing in the file is trusted.

liblmdb takes page numbers and sizes from the file as they are: one flipped bit makes it
read where nothing is mapped, which kills the process by a signal. Here every number is
compared with the file's size before it is used.

The format is that of LMDB 0.9 on machines of 64 bits, little-endian (liblmdb's mdb.c,
"Page layout"). A file has pages of one size. The first two are meta pages, of which the
one of the newer transaction counts; it names the root of a tree of branch and leaf
pages. A leaf's nodes hold keys in order, and values or the number of the first of the
pages that a longer value has to itself.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF = 0x01, 0x02
_LONG_VALUE = 0x01  # the only flag that nodes of a plain database have
_HEADER_BYTES, _NODE_BYTES = 16, 8
_NO_PAGE = 2**64 - 1
_MAX_DEPTH = 32  # liblmdb's CURSOR_STACK
_PAGE_SIZES = tuple(2**power for power in range(8, 17))


class DamagedError(ValueError):
    """Report a file that is no LMDB or holds numbers that cannot be."""


class CutShortError(DamagedError):
    """Report a file with fewer pages than it says."""


class Value(NamedTuple):
    """An entry of the database: its key, and where its value lies in the file."""

    key: bytes
    offset: int
    size: int


class _Meta(NamedTuple):
    page_size: int
    flags: int
    num_entries: int
    root: int
    last_page: int
    transaction: int


def list_values(file: BinaryIO, num_bytes: int) -> Iterator[Value]:
    """Yield all entries of the main database in the order of their keys.

    Args:
        file: open to be read at any place.
        num_bytes: its size.

    Raises:
        DamagedError: if it is no LMDB, or its pages are not as they should be.
    """
    meta = _read_meta(file, num_bytes)
    if meta.flags:
        raise DamagedError(f"its database has the flags {meta.flags:#x}, expected none")
    if meta.root == _NO_PAGE:
        return
    reader = _Reader(file, meta)
    count = 0
    for value in reader.walk(meta.root, depth=0):
        count += 1
        yield value
    if count != meta.num_entries:
        raise DamagedError(f"{count} entries found, expected {meta.num_entries}")


def _read_meta(file: BinaryIO, num_bytes: int) -> _Meta:
    """Return what the newer of the two meta pages says."""
    first = _parse_meta(file, 0)
    second = _parse_meta(file, first.page_size)
    meta = max(first, second, key=lambda meta: meta.transaction)
    if second.page_size != first.page_size:
        raise DamagedError("its meta pages disagree about the size of pages")
    if (meta.last_page + 1) * meta.page_size > num_bytes:
        raise CutShortError("it is cut short")
    return meta


def _parse_meta(file: BinaryIO, start: int) -> _Meta:
    file.seek(start + _HEADER_BYTES)
    content = file.read(136)
    if len(content) < 136:
        raise DamagedError("it has no meta pages")
    magic, version = struct.unpack_from("<II", content)
    if (magic, version) != (_MAGIC, _VERSION):
        raise DamagedError(f"magic {magic:#x} version {version}")
    # The list of free pages comes first; of it, only the place for the pages' size.
    (page_size,) = struct.unpack_from("<I", content, 24)
    if page_size not in _PAGE_SIZES:
        raise DamagedError(f"pages of {page_size} bytes")
    flags, _, _, _, _, entries, root = struct.unpack_from("<HHQQQQQ", content, 76)
    last_page, transaction = struct.unpack_from("<QQ", content, 120)
    return _Meta(page_size, flags, entries, root, last_page, transaction)


class _Reader:
    """Walks the tree of a file's pages, each of which it may meet once."""

    def __init__(self, file: BinaryIO, meta: _Meta) -> None:
        self._file, self._meta = file, meta
        self._met: set[int] = set()

    def walk(self, number: int, *, depth: int) -> Iterator[Value]:
        """Yield the entries below a page."""
        if depth > _MAX_DEPTH:
            raise DamagedError("its tree is too deep")
        if not 2 <= number <= self._meta.last_page or number in self._met:
            raise DamagedError(f"page {number} is none of its tree")
        self._met.add(number)
        size = self._meta.page_size
        self._file.seek(number * size)
        page = self._file.read(size)
        if len(page) < size:
            raise CutShortError("it is cut short")
        found, _, flags, lower, _ = struct.unpack_from("<QHHHH", page)
        if found != number or flags not in (_BRANCH, _LEAF):
            raise DamagedError(f"page {number} says {found} and has flags {flags:#x}")
        if not _HEADER_BYTES <= lower <= size or lower % 2:
            raise DamagedError(f"page {number} has {lower} bytes of pointers")
        count = (lower - _HEADER_BYTES) // 2
        nodes = struct.unpack_from(f"<{count}H", page, _HEADER_BYTES)
        if any(not lower <= node <= size - _NODE_BYTES for node in nodes):
            raise DamagedError(f"page {number} points beyond itself")
        for node in nodes:
            if flags == _BRANCH:
                low, high, _ = struct.unpack_from("<IHH", page, node)
                yield from self.walk(low | high << 32, depth=depth + 1)
            else:
                yield self._parse_leaf(page, node, number)

    def _parse_leaf(self, page: bytes, node: int, number: int) -> Value:
        length, flags, key_length = struct.unpack_from("<IHH", page, node)
        start = node + _NODE_BYTES + key_length
        if flags not in (0, _LONG_VALUE):
            raise DamagedError(f"page {number} has a node with flags {flags:#x}")
        if start + (8 if flags else length) > len(page):
            raise DamagedError(f"page {number} has a node that reaches beyond it")
        key = page[node + _NODE_BYTES : start]
        if not flags:
            return Value(key, number * len(page) + start, length)
        (first,) = struct.unpack_from("<Q", page, start)
        offset = first * len(page) + _HEADER_BYTES
        if first < 2 or offset + length > (self._meta.last_page + 1) * len(page):
            raise DamagedError(f"page {number} has a value beyond the last page")
        return Value(key, offset, length)
