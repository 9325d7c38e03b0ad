"""Look inside a generator on a page in the browser."""

import contextlib
from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.explore import config as configs
from dcgan_jax.explore.config import ExploreConfig


def parse(argv: Sequence[str]) -> ExploreConfig:
    """Read the command's flags."""
    return cli.parse(ExploreConfig, argv, command="explore")


def main(argv: Sequence[str]) -> int:
    """Serve the page until it is stopped; return the exit code."""
    config = parse(argv)
    listener = configs.listen(config)
    from dcgan_jax.explore import server, subject

    cli.start()
    with contextlib.ExitStack() as held:
        if listener is not None:
            held.enter_context(listener)
        server.serve(subject.open_subject(config), config, listener)
    return 0


if __name__ == "__main__":
    cli.run_main(main)
