"""Tell what a run is and how far it has come."""

import dataclasses
from collections.abc import Sequence

from dcgan_jax import cli


@dataclasses.dataclass(frozen=True)
class InfoConfig:
    """Tell what a run is: its data, networks, steps, losses and checkpoints.

    Examples:
        dcgan info runs/digits
    """

    run: cli.RunFolder
    """A run's folder."""


def parse(argv: Sequence[str]) -> InfoConfig:
    """Read the command's flags."""
    return cli.parse(InfoConfig, argv, command="info")


def main(argv: Sequence[str]) -> int:
    """Print a line for each thing that there is to say; return the exit code."""
    config = parse(argv)
    from dcgan_jax.info import describe

    for name, text in describe.describe_run(config.run).items():
        print(f"{name:12} {text}")
    return 0


if __name__ == "__main__":
    cli.run_main(main)
