"""Train a DCGAN: python -m dcgan_jax.train --dataset=NAME (--help lists all flags)."""

import sys
from collections.abc import Sequence

from dcgan_jax import cli, preparing


def main(argv: Sequence[str]) -> int:
    """Prepare the data where they are missing, then train; return the exit code."""
    config = cli.parse_run(argv)
    code = preparing.make_ready(config)
    if code != 0:
        return code
    from dcgan_jax import backend, loop, reporting

    reporting.configure_logging()
    backend.enable_compilation_cache()
    outcome = loop.run(config)
    print(f"samples     {outcome.samples}")
    print(f"curves      {outcome.curves}")
    print(f"checkpoint  {outcome.checkpoint}")
    if outcome.signal is None:
        return 0
    print(
        f"stopped at step {outcome.step} and saved; the same command goes on from here",
        file=sys.stderr,
    )
    return 128 + outcome.signal


if __name__ == "__main__":
    cli.run_main(main)
