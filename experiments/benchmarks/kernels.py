"""Count what one turn of a program's main loop makes a GPU do."""

import collections
import math
from typing import NamedTuple

from experiments.benchmarks.hlo import Array, Instruction, Program

# They cost nothing, or are counted by what they contain.
_FREE = {
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while",
    "after-all", "partition-id",
}  # fmt: skip
_CUDNN = "__cudnn$"


class Counts(NamedTuple):
    """What a step costs, as far as a program's text tells.

    Attributes:
        gflop: operations of convolutions and matrix products, those with zeros that a
            form inserts included; compare with the useful work.
        kernels: fusions, library calls and copies; each is at least one launch.
        gbytes: what all of them read and write.
        kinds: kernels by kind: fusion, gemm, convForward, convBackwardInput, ….
    """

    gflop: float
    kernels: int
    gbytes: float
    kinds: dict[str, int]


def count(program: Program) -> Counts:
    """Count one turn of the largest loop, or the whole program where it has none."""
    body = find_main_loop(program)
    gflop, num_bytes = 0.0, 0
    kinds: collections.Counter[str] = collections.Counter()
    for instruction in body.values():
        if instruction.operation in _FREE:
            continue
        kind, operations = _count_product(instruction, body, program)
        gflop += operations / 1e9
        kinds[kind] += 1
        read = (a for name in instruction.operands for a in body[name].results)
        num_bytes += sum(array.num_bytes for array in (*instruction.results, *read))
    return Counts(gflop, kinds.total(), num_bytes / 1e9, dict(kinds))


def find_main_loop(program: Program) -> dict[str, Instruction]:
    """Return the body of the loop with the most instructions, else the entry."""
    bodies = [
        instruction.find(r"body=%?([\w.\-]+)")
        for computation in program.computations.values()
        for instruction in computation.values()
        if instruction.operation == "while"
    ]
    found = [program.computations[name] for name in bodies if name]
    return max(found, key=len, default=program.computations[program.entry])


def _count_product(
    instruction: Instruction, body: dict[str, Instruction], program: Program
) -> tuple[str, float]:
    """Return the kind of a kernel, and the operations of the products in it."""
    if instruction.operation == "fusion":
        operations = _count_dots(instruction, program)
        return ("gemm" if operations else "fusion"), operations
    target = instruction.find(r'custom_call_target="([^"]+)"') or ""
    operands = [body[name].results[0] for name in instruction.operands]
    if target.startswith(_CUDNN):
        kind = target.removeprefix(_CUDNN)
        return kind, _count_convolution(kind, instruction, operands)
    if "gemm" in target or "matmul" in target:
        left, right = operands[:2]
        return "gemm", _multiply(left, right, instruction.results[0])
    return target or instruction.operation, 0.0


def _count_convolution(
    kind: str, instruction: Instruction, operands: list[Array]
) -> float:
    """A kernel meets each value of the small map once, with all of its inputs."""
    result, (left, right) = instruction.results[0], operands[:2]
    small, kernel = {
        "convForward": (result, right),
        "convBiasActivationForward": (result, right),
        "convBackwardInput": (left, right),
        "convBackwardFilter": (right, result),
    }[kind]
    order = instruction.find(r"dim_labels=\w+_(\w+)->") or ""
    return 2.0 * small.size * kernel.size / kernel.shape[order.index("o")]


def _count_dots(fusion: Instruction, program: Program) -> float:
    called = fusion.find(r"calls=%?([\w.\-]+)")
    total = 0.0
    lines = program.computations.get(called or "", {})
    for line in lines.values():
        if line.operation == "dot":
            left = lines[line.operands[0]].results[0]
            axes = line.find(r"lhs_contracting_dims=\{([\d,]*)\}") or ""
            summed = math.prod(
                left.shape[int(axis)] for axis in axes.split(",") if axis
            )
            total += 2.0 * line.results[0].size * summed
        elif line.operation == "fusion":
            total += _count_dots(line, program)
    return total


def _multiply(left: Array, right: Array, result: Array) -> float:
    """(m, k) · (k, n) → (m, n) takes 2 m k n operations."""
    return 2.0 * math.sqrt(left.size * right.size * result.size)
