"""The table "seconds to" of docs/performance.md: whole trainings at measured rates."""

from collections.abc import Callable
from typing import Any, NamedTuple

from dcgan_jax.system import progress

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


def make_table(read: Callable[[str], dict[str, Any] | None]) -> str:
    """Return the table: images, rates, and the times that follow from them.

    Args:
        read: the name of a result → what is in its file; None if there is none.
    """
    on_gpu = read("steps_h200") or {}
    on_cpu = (read("benchmark_train_step") or {})["numbers"]
    lines = [
        "| | images | images/s, H200 | H200 | images/s, 2 CPU cores | 2 CPU cores |",
        "|---" * 6 + "|",
    ]
    for goal in GOALS:
        rates: list[float | None] = [None, None]
        if goal.on_gpu is not None:
            rates[0] = on_gpu[goal.on_gpu]["img_s"]
        if goal.on_cpu in on_cpu:
            rates[1] = BATCH / on_cpu[goal.on_cpu]["ours_s"]
        elif goal.on_cpu is not None and (run := read(goal.on_cpu)) is not None:
            rates[1] = run["numbers"]["images_per_second"]
        cells = [cell for rate in rates for cell in _show(goal.images, rate)]
        lines.append(f"| {goal.what} | {goal.images:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _show(images: int, rate: float | None) -> tuple[str, str]:
    """Return a rate and the time that so many images take at it."""
    if rate is None:
        return "–", "–"
    return f"{rate:,.0f}", progress.tell_length(images / rate)
