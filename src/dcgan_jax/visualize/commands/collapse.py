"""Filters that collapse to one mode as a run goes on (§7): collapse RUN."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from dcgan_jax import cli
from dcgan_jax.system import errors

if TYPE_CHECKING:
    from dcgan_jax.visualize.collapse import Layer


@dataclasses.dataclass(frozen=True)
class CollapseConfig:
    """Look in every checkpoint of a run for filters that have collapsed.

    Train with --keep_every_steps to keep checkpoints of the whole run, or call this now
    and then while it trains.
    """

    run: Annotated[Path, tyro.conf.Positional]
    """A run's folder."""
    data_dir: Path | None = None
    """Folder of the prepared stores; None: the run's."""
    source: Path | None = None
    """The user's own images; None: the run's."""
    out: Path = Path("collapse.png")
    """A picture of the share of each filter's energy in one pattern, by step."""


def main(argv: Sequence[str]) -> int:
    """Measure and print what the flags describe; return the exit code."""
    config = cli.parse(CollapseConfig, argv, command="collapse")
    if config.out.suffix != ".png":
        raise errors.InputError(f"--out={config.out} must end in .png.")
    from dcgan_jax.data import ready
    from dcgan_jax.system import backend
    from dcgan_jax.visualize import collapse, mode_map

    cli.configure_logging()
    backend.enable_compilation_cache()
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
