"""The table "seconds to" of docs/performance.md: whole trainings at measured rates."""

import json
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parents[1] / "results"
BATCH = 128


class Goal(NamedTuple):
    """A training whose length is known.

    Attributes:
        what: what it leads to.
        images: that D sees until then.
        on_gpu: the key in steps_h200.json of its network's rate; None: there is none.
        on_cpu: its network in benchmark_train_step.json, or the result of a run; None:
            there is neither.
    """

    what: str
    images: int
    on_gpu: str | None
    on_cpu: str | None


GOALS = (
    Goal("MNIST digits that read as digits (2,000 steps, width ½)", 2000 * BATCH, None,
         "training_mnist"),
    Goal("Table 3's 1.44 %: conditional MNIST, 200 epochs", 200 * 50_000,
         "cond/float32/base/128/default", None),
    Goal("CelebA's 25 epochs, 64×64", 25 * 162_770,
         "dcgan64/bfloat16/phase/128/default", "dcgan64"),
    Goal("LSUN's 5 epochs, 64×64 (Fig. 3)", 5 * 3_033_042,
         "dcgan64/bfloat16/phase/128/default", "dcgan64"),
)  # fmt: skip


def make_table() -> str:
    """Return the table: images, rates, and the times that follow from them."""
    lines = [
        "| | images | images/s, H200 | H200 | images/s, 2 CPU cores | 2 CPU cores |",
        "|---" * 6 + "|",
    ]
    for goal in GOALS:
        rates = _rate_on_gpu(goal.on_gpu), _rate_on_cpu(goal.on_cpu)
        cells = [cell for rate in rates for cell in _show(goal.images, rate)]
        lines.append(f"| {goal.what} | {goal.images:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rate_on_gpu(key: str | None) -> float | None:
    return None if key is None else float(_read("steps_h200")[key]["img_s"])


def _rate_on_cpu(name: str | None) -> float | None:
    if name is None:
        return None
    if (RESULTS / f"{name}.json").is_file():
        return float(_read(name)["numbers"]["images_per_second"])
    return BATCH / float(_read("benchmark_train_step")["numbers"][name]["ours_s"])


def _show(images: int, rate: float | None) -> tuple[str, str]:
    """Return a rate and the time that so many images take at it."""
    if rate is None:
        return "–", "–"
    seconds = images / rate
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{rate:,.0f}", f"{seconds / size:.0f} {unit}"
    return f"{rate:,.0f}", f"{seconds:.0f} s"


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found
