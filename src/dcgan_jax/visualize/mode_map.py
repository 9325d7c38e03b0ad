"""The picture of a run's filter modes: filters by steps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_jax.system import disk
from dcgan_jax.visualize.collapse import Layer

_MARKS = {"silent": "x", "fixed": "s", "oscillating": "o"}
_MOST_TICKS = 8


def save_map(layers: Sequence[Layer], path: Path) -> None:
    """Draw the share of each filter's energy in one pattern against the step.

    A row is a filter; the rows are sorted by their last value. Filters that have
    collapsed are marked at the steps at which they had.

    Args:
        layers: with the same steps.
        path: of the PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6 * len(layers), 5), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, layer in enumerate(layers, start=1):
        axes = figure.add_subplot(1, len(layers), panel)
        steps = sorted(layer.modes)
        states = layer.states
        shares = np.stack([layer.modes[step].mode_share for step in steps], axis=1)
        order = np.argsort(-shares[:, -1], kind="stable")
        drawn = axes.imshow(
            shares[order], aspect="auto", vmin=0, vmax=1, interpolation="nearest"
        )
        for state, mark in _MARKS.items():
            places = [
                (column, row)
                for column, step in enumerate(steps)
                for row, index in enumerate(order)
                if states[step][index] == state
            ]
            if places:
                x, y = np.transpose(places)
                axes.scatter(x, y, s=9, marker=mark, color="red", label=state)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower right")
        every = -(-len(steps) // _MOST_TICKS)
        axes.set_xticks(range(0, len(steps), every), [*map(str, steps[::every])])
        axes.set_xlabel("step")
        axes.set_ylabel(f"filters of {layer.name}")
        figure.colorbar(drawn, label="share of the energy in one pattern")
    with disk.replacing(path) as partial:
        figure.savefig(partial, dpi=100)
