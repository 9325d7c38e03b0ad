"""Train a GAN on a data set."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dcgan_jax import cli
from dcgan_jax.config import ClusterConfig, TrainConfig

if TYPE_CHECKING:
    from dcgan_jax.train import loop


def parse(argv: Sequence[str]) -> tuple[TrainConfig, ClusterConfig]:
    """Read the command's flags."""
    return cli.parse_train(argv)


def main(argv: Sequence[str]) -> int:
    """Prepare the data where they are missing, then train; return the exit code."""
    config, cluster = parse(argv)
    if config.dry_run:
        from dcgan_jax.train import opening

        cli.start()
        opening.rehearse(config)
        return 0
    from dcgan_jax.data import ready
    from dcgan_jax.train import follow

    code = ready.make_all_ready(follow.list_data(config))
    if code != 0:
        return code
    from dcgan_jax.train import loop, mesh

    cli.start()
    with mesh.connected(cluster):
        trained = loop.run(config)
        if mesh.is_first():
            _tell(trained)
            if config.follow_metric is not None:
                print(*(f"best        {line}" for line in trained.best), sep="\n")
    return 0 if trained.signal is None else 128 + trained.signal


def _tell(trained: "loop.TrainedRun") -> None:
    print(f"samples     {trained.samples}")
    print(f"curves      {trained.curves}")
    print(f"checkpoint  {trained.checkpoint}")
    if trained.signal is not None:
        print(
            f"stopped at step {trained.step} and saved; the same command goes on from "
            "here",
            file=sys.stderr,
        )


if __name__ == "__main__":
    cli.run_main(main)
