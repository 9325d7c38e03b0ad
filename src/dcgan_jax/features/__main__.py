"""Classify images by a discriminator's features."""

import shlex
from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.features import config as configs
from dcgan_jax.features.config import FeaturesConfig


def parse(argv: Sequence[str]) -> FeaturesConfig:
    """Read the command's flags."""
    return cli.parse(FeaturesConfig, argv, command="features")


def main(argv: Sequence[str]) -> int:
    """Extract, fit, test and print what the flags describe; return the exit code."""
    config = parse(argv)
    configs.check(config)
    from dcgan_jax.features import experiment

    code = experiment.prepare(config)
    if code != 0:
        return code

    cli.start()
    command = shlex.join(["python", "-m", "dcgan_jax.features", *argv])
    print(experiment.run(config, command=command))
    return 0


if __name__ == "__main__":
    cli.run_main(main)
