"""The columns of the benchmark of a training step."""

from typing import Any, NamedTuple

FEW_ROUNDS = 3


class Column(NamedTuple):
    """A column of the table.

    Attributes:
        column: the column's name without its ending _s.
        spec: what `worker` needs to know.
        allocator: a key of `allocator.SETTINGS`.
        serves: whether sampling and features are measured too.
        rounds: the most rounds that it takes part in.
    """

    column: str
    spec: dict[str, Any]
    allocator: str = "default"
    serves: bool = False
    rounds: int = 1000
