"""Look for filters that collapse to one mode as a run goes on (§7)."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_jax import cli
from dcgan_jax.system import errors

if TYPE_CHECKING:
    from dcgan_jax.visualize.collapse import Layer


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
    if config.out.suffix != ".png":
        raise errors.InputError(f"--out={config.out} must end in .png.")
    from dcgan_jax.data import ready
    from dcgan_jax.visualize import collapse, mode_map

    cli.start()
    code = ready.make_ready(collapse.find_data(config))
    if code != 0:
        return code
    layers = collapse.measure_run(config)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    mode_map.save_map(layers, config.out)
    print("\n".join([*map(_tell, layers), str(config.out)]))
    return 0


def _tell(layer: "Layer") -> str:
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
