"""Measure how good a generator is."""

import os
import shlex
from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.evaluate import config as configs
from dcgan_jax.evaluate.config import EvaluateConfig


def parse(argv: Sequence[str]) -> EvaluateConfig:
    """Read the command's flags."""
    return cli.parse(EvaluateConfig, argv, command="evaluate")


def main(argv: Sequence[str]) -> int:
    """Measure and print what the flags describe; return the exit code."""
    config = parse(argv)
    configs.check(config)
    if configs.find_quality_metrics(config):
        # The GPU is shared with torch, and with a run that is followed.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from dcgan_jax.evaluate import experiment

    cli.start()
    code = experiment.prepare(config)
    if code != 0:
        return code
    command = shlex.join(["python", "-m", "dcgan_jax.evaluate", *argv])
    print(experiment.run(config, command=command))
    return 0


if __name__ == "__main__":
    cli.run_main(main)
