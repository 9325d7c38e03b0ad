"""The tables of docs/performance.md on what a training step compiles to for a GPU."""

from collections.abc import Callable
from typing import Any

Read = Callable[[str], dict[str, Any] | None]


def make_table(read: Read) -> str:
    """Return the table of work, kernels and bytes.

    Args:
        read: the name of a result → what is in its file; None if there is none.
    """
    lines = [
        "| net | GFLOP | of them useful | kernels | GB |",
        "|---|---|---|---|---|",
    ]
    for net, row in _rows(read).items():
        lines.append(
            f"| `{net}` | {row['gflop']:,.0f} | {row['useful_gflop']:,.0f} "
            f"| {row['kernels']} | {row['gbytes']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def make_memory_table(read: Read) -> str:
    """Return the table of memory by net and batch, of the nets that have several."""
    plans = {
        net: row["memory_gb"]
        for net, row in _rows(read).items()
        if len(row.get("memory_gb", {})) > 1
    }
    batches = sorted({int(batch) for plan in plans.values() for batch in plan})
    heads = [f"batch {batch}" for batch in batches]
    lines = [f"| net | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for net, plan in plans.items():
        cells = [f"{plan[str(batch)]:.2f} GB" for batch in batches]
        lines.append(f"| `{net}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rows(read: Read) -> dict[str, Any]:
    return (read("gpu_program") or {}).get("numbers", {})
