"""Read an optimised program of XLA's, as `compiled.as_text()` prints it."""

import math
import re
from typing import NamedTuple

ITEM_BYTES = {
    "f64": 8, "s64": 8, "u64": 8, "f32": 4, "s32": 4, "u32": 4, "bf16": 2, "f16": 2,
    "s16": 2, "u16": 2, "u8": 1, "s8": 1, "pred": 1,
}  # fmt: skip
_ARRAY = re.compile(rf"\b({'|'.join(ITEM_BYTES)})\[([\d,]*)\]")
_HEAD = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\) -> .*\{$")
_OPERATION = re.compile(r"([\w\-]+)\(")


class Array(NamedTuple):
    """The type and the shape of an array."""

    kind: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

    @property
    def num_bytes(self) -> int:
        """What it takes in memory."""
        return self.size * ITEM_BYTES[self.kind]


class Instruction(NamedTuple):
    """One line of a computation.

    Attributes:
        name: of its result.
        results: the arrays that it returns, more than one where that is a tuple.
        operation: such as fusion or custom-call.
        operands: names of instructions of the same computation.
        attributes: the rest of the line.
    """

    name: str
    results: tuple[Array, ...]
    operation: str
    operands: tuple[str, ...]
    attributes: str

    def find(self, pattern: str) -> str | None:
        """Return the first group of a pattern in the attributes, None without it."""
        found = re.search(pattern, self.attributes)
        return found.group(1) if found else None


class Program(NamedTuple):
    """The computations by name, and the one that runs."""

    computations: dict[str, dict[str, Instruction]]
    entry: str


def parse(text: str) -> Program:
    """Read a program.

    Raises:
        ValueError: if no computation is its entry.
    """
    computations: dict[str, dict[str, Instruction]] = {}
    entry, current = None, None
    for line in text.splitlines():
        head = None if line.startswith(" ") else _HEAD.match(line)
        if head:
            current = computations.setdefault(head.group(2), {})
            entry = head.group(2) if head.group(1) else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and " = " in line:
            instruction = _parse_line(line)
            current[instruction.name] = instruction
    if entry is None:
        raise ValueError("no computation is marked as ENTRY in this text")
    return Program(computations, entry)


def _parse_line(line: str) -> Instruction:
    """Read `%name = type operation(operands), attributes`."""
    name, rest = line.strip().removeprefix("ROOT ").split(" = ", 1)
    end = _closing(rest, 0) if rest.startswith("(") else rest.index(" ")
    operation = _OPERATION.search(rest, end)
    if operation is None:
        raise ValueError(f"no operation in {line.strip()[:120]!r}")
    close = _closing(rest, operation.end() - 1)
    inside = rest[operation.end() : close - 1]
    return Instruction(
        name.lstrip("%"),
        find_arrays(rest[:end]),
        operation.group(1),
        tuple(re.findall(r"%([\w.\-]+)", inside)),
        rest[close:],
    )


def find_arrays(text: str) -> tuple[Array, ...]:
    """Return every array that a type, maybe a tuple's, is made of."""
    return tuple(
        Array(kind, tuple(int(side) for side in shape.split(",") if side))
        for kind, shape in _ARRAY.findall(text)
    )


def _closing(text: str, begin: int) -> int:
    """Return where what follows the parenthesis at `begin` and its partner starts."""
    depth = 0
    for place in range(begin, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    raise ValueError(f"an open parenthesis in {text[:120]!r}")
