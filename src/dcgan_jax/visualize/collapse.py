"""Look for filters that collapse to one mode as a run goes on (§7)."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_jax import cli
from dcgan_jax.pictures import formats
from dcgan_jax.system import errors

if TYPE_CHECKING:
    from dcgan_jax.config import DataConfig
    from dcgan_jax.visualize.run_modes import LayerModes

_MARKS = {"silent": "x", "fixed": "s", "oscillating": "o"}
_MOST_TICKS = 8


@dataclasses.dataclass(frozen=True)
class CollapseConfig:
    """Look in every checkpoint of a run for filters that have collapsed to one mode.

    Train with --keep_every_steps to keep checkpoints of the whole run, or call this now
    and then while it trains.

    Examples:
        dcgan visualize collapse runs/faces
        dcgan visualize collapse runs/faces --out=faces_collapse.png
        dcgan visualize collapse runs/faces --data_dir=/data/stores
    """

    run: cli.RunFolder
    """A run's folder."""
    data_dir: Path | None = None
    """The folder of the prepared stores. Without this flag it is the run's."""
    source: Path | None = None
    """Your own copy of the data. Without this flag it is the run's."""
    out: Path = Path("collapse.png")
    """The picture, which shows the share of each filter's energy in one pattern, by
    step."""


def parse(argv: Sequence[str]) -> CollapseConfig:
    """Read the command's flags."""
    return cli.parse(CollapseConfig, argv, command="visualize collapse")


def main(argv: Sequence[str]) -> int:
    """Measure and print what the flags describe; return the exit code."""
    config = parse(argv)
    cli.check_suffix(config.out, "out", *formats.SUFFIXES)
    from dcgan_jax.data import ready, store as stores
    from dcgan_jax.visualize import run_modes

    cli.start()
    data = find_data(config)
    code = ready.make_ready(data)
    if code != 0:
        return code
    store = stores.open_store(stores.store_path(data))
    layers = run_modes.measure_run(config.run, store)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    save_map(layers, config.out)
    print("\n".join([*map(_tell, layers), str(config.out)]))
    return 0


def find_data(config: CollapseConfig) -> "DataConfig":
    """Return what to prepare: the images that the run was trained on.

    Raises:
        MissingInputError: if there is no run, or it has no checkpoint.
        InputError: if its networks are no plain DCGAN.
    """
    from dcgan_jax import models
    from dcgan_jax.config import data_config
    from dcgan_jax.runs import checkpoints, folder as run_dir

    trained = run_dir.read_config(config.run)
    models.make_discriminator(trained)  # or it is none
    if not checkpoints.list_steps(config.run / run_dir.CHECKPOINTS):
        raise errors.MissingInputError(
            f"{config.run} has no checkpoint yet; train first."
        )
    return dataclasses.replace(
        data_config(trained),
        data_dir=config.data_dir or trained.data_dir,
        source=config.source or trained.source,
    )


def _tell(layer: "LayerModes") -> str:
    from dcgan_jax.visualize import filter_modes

    states = layer.states
    steps = sorted(states)
    found = filter_modes.find_collapsed(states)
    lines = [
        f"{layer.name}: {len(found)} of {len(states[steps[-1]])} filters collapsed at"
        f" step {steps[-1]}, {len(steps)} checkpoints from step {steps[0]}"
    ]
    lines += [
        f"filter {filter_.number:4}  {filter_.state} since step {filter_.since}"
        for filter_ in found
    ]
    return "\n".join(lines)


def save_map(layers: "Sequence[LayerModes]", path: Path) -> None:
    """Draw the share of each filter's energy in one pattern against the step.

    A row is a filter; the rows are sorted by their last value. Filters that have
    collapsed are marked at the steps at which they had.

    Args:
        layers: with the same steps.
        path: of the picture.
    """
    from dcgan_jax.pictures import figures
    from dcgan_jax.system import disk

    with figures.open_figure(6 * len(layers), 5) as figure:
        _draw_map(figure, layers)
        with disk.replacing(path) as partial:
            figure.savefig(partial, dpi=100)


def _draw_map(figure: Any, layers: "Sequence[LayerModes]") -> None:
    import numpy as np

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
