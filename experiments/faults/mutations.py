"""What damage and malice make of a valid file: bytes and JSON, harmed at random."""

import copy
import json
import random
import re
import string
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

# Sizes at the edges of what counters can hold, and such as fill a memory.
WILD_NUMBERS = (
    0, 1, 2, 3, 7, 127, 128, 255, 256, 4095, 4096, 32767, 32768, 65535, 65536,
    10**6, 2**24, 2**28, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**48, 2**53, 2**62,
    2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
_MAX_INSERTED = 64
# Both ends of a file hold more of its structure than the middle.
_EDGE_BYTES = 160


def harm_bytes(
    chance: random.Random, content: bytes, others: Sequence[bytes] = ()
) -> bytes:
    """Return a file with one harm or several.

    Args:
        chance: what decides.
        content: of the file.
        others: files whose ends may be put behind its beginning.
    """
    harmed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        chance.choice(_HARMS)(chance, harmed)
    if others and chance.random() < 0.1:
        tail = chance.choice(others)
        del harmed[_place(chance, harmed) :]
        harmed += tail[_place(chance, tail) :]
    return bytes(harmed)


def _place(chance: random.Random, content: bytes | bytearray) -> int:
    """Choose a place, more often near the beginning and the end."""
    size = max(1, len(content))
    where = chance.randrange(3)
    if where == 0:
        return chance.randrange(min(size, _EDGE_BYTES))
    if where == 1:
        return size - 1 - chance.randrange(min(size, _EDGE_BYTES))
    return chance.randrange(size)


def _cut_short(chance: random.Random, content: bytearray) -> None:
    del content[_place(chance, content) :]


def _flip_a_bit(chance: random.Random, content: bytearray) -> None:
    if content:
        content[_place(chance, content)] ^= 1 << chance.randrange(8)


def _set_a_byte(chance: random.Random, content: bytearray) -> None:
    if content:
        value = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        content[_place(chance, content)] = value


def _set_a_number(chance: random.Random, content: bytearray) -> None:
    size = chance.choice((2, 4, 8))
    start = _place(chance, content)
    if chance.random() < 0.5:
        start -= start % size
    number = chance.choice(WILD_NUMBERS) % 2 ** (8 * size)
    new = number.to_bytes(size, chance.choice(("little", "big")))
    content[start : start + size] = new


def _replace_digits(chance: random.Random, content: bytearray) -> None:
    """Change a number that is written out, as in the headers of tar and npy."""
    found = list(re.finditer(rb"[0-9]+", content[: 40 * _EDGE_BYTES]))
    if found:
        digits = chance.choice(found[:60])
        number = chance.choice(WILD_NUMBERS)
        text = chance.choice((b"%d", b"%o", b"-%d")) % number
        if chance.random() < 0.5:  # at the same length
            text = text[: len(digits[0])].rjust(len(digits[0]), b"0")
        content[digits.start() : digits.end()] = text


def _insert(chance: random.Random, content: bytearray) -> None:
    start = _place(chance, content)
    content[start:start] = chance.randbytes(chance.randrange(1, _MAX_INSERTED))


def _remove(chance: random.Random, content: bytearray) -> None:
    start = _place(chance, content)
    del content[start : start + chance.randrange(1, _MAX_INSERTED)]


def _repeat(chance: random.Random, content: bytearray) -> None:
    start = _place(chance, content)
    part = content[start : start + chance.randrange(1, 600)]
    content[start:start] = part * chance.choice((1, 2, 40))


def _replace_the_rest(chance: random.Random, content: bytearray) -> None:
    """Put noise behind a valid magic number."""
    start = chance.choice((2, 4, 8, 12, 16, 33))
    content[start:] = chance.randbytes(_MAX_INSERTED) * chance.choice((1, 20))


_HARMS: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _cut_short, _flip_a_bit, _flip_a_bit, _set_a_byte, _set_a_number, _set_a_number,
    _replace_digits, _insert, _remove, _repeat, _replace_the_rest,
)  # fmt: skip


def mend_png(content: bytes) -> bytes:
    """Give the chunks of a harmed PNG right checksums, as a careful attacker would."""
    mended, start = bytearray(content), 8
    while start + 12 <= len(mended):
        (size,) = struct.unpack_from(">I", mended, start)
        end = start + 8 + size
        if end + 4 > len(mended):
            break
        struct.pack_into(">I", mended, end, zlib.crc32(mended[start + 4 : end]))
        start = end + 4
    return bytes(mended)


# Marks that become something which `json.dumps` does not write.
_DEEP_LIST, _DEEP_OBJECT, _LONG_NUMBER = "@deep list@", "@deep object@", "@digits@"
WILD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 1.0, 0.5, -0.0, 1e308, 1e-320, float("nan"),
    float("inf"), -float("inf"), 2**31, 2**53, 2**63, 2**64, 10**30, -(10**30), "",
    "0", "1e5", "nan", "x" * 5000, "../../escaped", "/dev/zero", "/proc/self/mem", "\0",
    "\n\x1b[2J", "\ud800", "é\u202e", "a/b/c", ".", "..", [], {}, [[]], [None], [1, 2],
    {"": 1}, {"x": {"x": {}}}, [[1, "2"], {"a": None}], list(range(300)), ["a", "b"],
    _DEEP_LIST, _DEEP_OBJECT, _LONG_NUMBER,
)  # fmt: skip


def harm_json(chance: random.Random, value: Any) -> bytes:
    """Return the text of a JSON value in which something is not as it should be."""
    harmed = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        harmed = change(chance, harmed)
    return write_json(chance, harmed)


def write_json(chance: random.Random, value: Any) -> bytes:
    """Return a value's text, now and then in another encoding or harmed as bytes."""
    text = _fill_marks(chance, json.dumps(value, ensure_ascii=chance.random() < 0.5))
    if chance.random() < 0.1:
        text = _double_a_key(chance, text)
    encoding = chance.choice(("utf-8",) * 8 + ("utf-16", "utf-8-sig"))
    content = text.encode(encoding, "surrogatepass")
    return harm_bytes(chance, content) if chance.random() < 0.25 else content


def change(chance: random.Random, value: Any) -> Any:
    """Change one place of a tree, the deeper the more often."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = chance.choice(keys)
        how = chance.randrange(8)
        if how == 0:
            del value[key]
        elif how == 1 and isinstance(value, dict):
            name = "".join(chance.choice(string.ascii_lowercase) for _ in range(3))
            value[chance.choice((name, "", "../x", key + "\0"))] = value.pop(key)
        elif how == 2 and isinstance(value, list):
            value += [copy.deepcopy(value[key]) for _ in range(chance.choice((1, 50)))]
        else:
            value[key] = change(chance, value[key])
        return value
    if isinstance(value, int | float) and chance.random() < 0.3:
        return chance.choice((-value, value + 1, value - 1, float(value), str(value)))
    return copy.deepcopy(chance.choice(WILD_VALUES))


def _fill_marks(chance: random.Random, text: str) -> str:
    depth = chance.choice((50, 1200, 200_000))
    ends = chance.choice((0, depth))
    fillings = {
        _DEEP_LIST: "[" * depth + "]" * ends,
        _DEEP_OBJECT: '{"a":' * depth + "1" + "}" * ends,
        _LONG_NUMBER: chance.choice(("", "-")) + "9" * chance.choice((4000, 5000)),
    }
    for mark, filling in fillings.items():
        text = text.replace(json.dumps(mark), filling)
    return text


def _double_a_key(chance: random.Random, text: str) -> str:
    pairs = list(re.finditer(r'"\w+": (?:-?\d+|"[^"\\]*"|null)', text[:5000]))
    if not pairs:
        return text
    pair = chance.choice(pairs)
    name = pair[0].split(":")[0]
    new = f"{name}: {chance.choice(('null', '-1', '[]', '{}', pair[0].split(':')[1]))}"
    return text[: pair.start()] + new + ", " + text[pair.start() :]
