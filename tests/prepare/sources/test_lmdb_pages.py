"""Pages of LMDBs that liblmdb writes, and what damage makes of them."""

import io
import struct

import lmdb
import pytest

from dcgan_jax.prepare.sources import lmdb_pages

PAGE = 4096
VALUES = {
    "one": {b"k": b"v"},
    "short": {f"{n:040x}".encode(): bytes([n % 256]) * (n % 50) for n in range(3000)},
    "long": {f"{n:040x}".encode(): bytes([n]) * (2000 + 997 * n) for n in range(40)},
    "odd keys": {bytes([n]) * (n + 1): b"" for n in range(1, 200)},
}


def write(folder, values, *, removed=()):
    with lmdb.open(str(folder), map_size=1 << 24) as environment:
        with environment.begin(write=True) as transaction:
            for key, value in values.items():
                transaction.put(key, value)
        for key in removed:  # each a transaction, and so in turn on both meta pages
            with environment.begin(write=True) as transaction:
                transaction.delete(key)
        with environment.begin() as transaction:
            expected = [(bytes(k), bytes(v)) for k, v in transaction.cursor()]
    return bytearray((folder / "data.mdb").read_bytes()), expected


def read(content):
    found = lmdb_pages.list_values(io.BytesIO(content), len(content))
    return [(key, bytes(content[at : at + size])) for key, at, size in found]


@pytest.mark.parametrize("name", VALUES)
def test_keys_and_values_are_those_that_liblmdb_finds(name, tmp_path):
    content, expected = write(tmp_path, VALUES[name])
    assert read(content) == expected
    assert len(expected) == len(VALUES[name])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_newer_transaction_counts(count, tmp_path):
    keys = list(VALUES["short"])[5 : 5 + count]
    content, expected = write(tmp_path, VALUES["short"], removed=keys)
    assert read(content) == expected
    assert len(expected) == 3000 - count


def test_an_empty_database_has_no_values(tmp_path):
    content, _ = write(tmp_path, {})
    assert read(content) == []


def find_page(content, flags):
    """Return where the first page of the tree with some flags begins."""
    for start in range(2 * PAGE, len(content), PAGE):
        if struct.unpack_from("<H", content, start + 10)[0] == flags:
            return start
    raise AssertionError(flags)


@pytest.fixture
def tree(tmp_path):
    content, _ = write(tmp_path, VALUES["short"])
    return content


def node_of(content, start):
    return start + struct.unpack_from("<H", content, start + 16)[0]


def harm_a_child(content, number):
    node = node_of(content, find_page(content, 1))
    struct.pack_into("<IH", content, node, number & 0xFFFFFFFF, number >> 32)


# Each of them killed the process by a signal, or hung it, where liblmdb read the file.
@pytest.mark.parametrize("number", [0, 1, 10**6, 2**47])
def test_a_page_that_is_not_there_is_refused(number, tree):
    harm_a_child(tree, number)
    with pytest.raises(lmdb_pages.DamagedError, match=f"page {number} is none"):
        read(tree)


def test_a_circle_of_pages_is_refused(tree):
    harm_a_child(tree, find_page(tree, 1) // PAGE)
    with pytest.raises(lmdb_pages.DamagedError, match="is none of its tree"):
        read(tree)


def test_a_page_met_twice_is_refused(tree):
    start = find_page(tree, 1)
    second = start + struct.unpack_from("<H", tree, start + 18)[0]
    low, high = struct.unpack_from("<IH", tree, second)
    harm_a_child(tree, low | high << 32)
    with pytest.raises(lmdb_pages.DamagedError, match="is none of its tree"):
        read(tree)


@pytest.mark.parametrize(
    ("place", "kind", "number", "told"),
    [
        (0, "<Q", 77, "says 77"),
        (10, "<H", 0x22, "flags 0x22"),
        (12, "<H", 5000, "5000 bytes of pointers"),
        (12, "<H", 3, "3 bytes of pointers"),
        (16, "<H", 4095, "points beyond itself"),
        (16, "<H", 0, "points beyond itself"),
    ],
)
def test_a_leaf_whose_header_cannot_be_is_refused(place, kind, number, told, tree):
    struct.pack_into(kind, tree, find_page(tree, 2) + place, number)
    with pytest.raises(lmdb_pages.DamagedError, match=told):
        read(tree)


@pytest.mark.parametrize(
    ("place", "number", "told"),
    [(0, 60_000, "reaches beyond"), (4, 2, "flags 0x2"), (6, 5000, "reaches beyond")],
)
def test_a_node_that_cannot_be_is_refused(place, number, told, tree):
    start = find_page(tree, 2)
    struct.pack_into("<H", tree, node_of(tree, start) + place, number)
    with pytest.raises(lmdb_pages.DamagedError, match=told):
        read(tree)


def test_a_long_value_beyond_the_file_is_refused(tmp_path):
    content, _ = write(tmp_path, VALUES["long"])
    node = node_of(content, find_page(content, 2))
    struct.pack_into("<I", content, node, 2**31)
    with pytest.raises(lmdb_pages.DamagedError, match="beyond the last page"):
        read(content)


def test_a_count_that_differs_is_refused(tree):
    for start in (0, PAGE):
        struct.pack_into("<Q", tree, start + 16 + 104, 5)
    with pytest.raises(lmdb_pages.DamagedError, match="3000 entries found, expected 5"):
        read(tree)


def test_a_file_that_lacks_its_last_page_is_cut_short(tree):
    newest = max(struct.unpack_from("<QQ", tree, at + 136)[::-1] for at in (0, PAGE))
    with pytest.raises(lmdb_pages.CutShortError):
        read(tree[: newest[1] * PAGE])
