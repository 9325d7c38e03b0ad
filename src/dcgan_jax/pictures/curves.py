"""The curves of a run's log."""

from pathlib import Path
from typing import BinaryIO

from dcgan_jax.pictures import figures
from dcgan_jax.system import disk

_PANELS = (
    ("loss (nats)", ("d_loss", "g_loss")),
    ("mean D(x), D(G(z))", ("d_real", "d_fake")),
    ("gradient norm", ("d_grad_norm", "g_grad_norm")),
)


def save_curves(rows: list[dict[str, float]], path: Path) -> None:
    """Draw losses, the discriminator's outputs and gradient norms against the step.

    Args:
        rows: the rows of metrics.jsonl.
        path: the PNG's path.
    """
    with disk.replacing(path) as partial, partial.open("wb") as file:
        draw_curves(rows, file)


def draw_curves(
    rows: list[dict[str, float]], file: BinaryIO, *, stacked: bool = False
) -> None:
    """Draw the picture of `save_curves` into an open file, as PNG.

    Args:
        rows: the rows of metrics.jsonl.
        file: it.
        stacked: whether the panels stand below each other, for narrow screens.
    """
    steps = [row["step"] for row in rows]
    count = len(_PANELS)
    size, places = ((4.4, 8.4), (count, 1)) if stacked else ((12, 3.6), (1, count))
    with figures.open_figure(*size) as figure:
        for panel, (label, names) in enumerate(_PANELS, start=1):
            axes = figure.add_subplot(*places, panel)
            for name in names:
                axes.plot(steps, [row[name] for row in rows], label=name, linewidth=1)
            axes.set_xlabel("step")
            axes.set_ylabel(label)
            axes.legend()
            axes.grid(alpha=0.3)
        axes.set_yscale("log")
        figure.savefig(file, dpi=100, format="png")
