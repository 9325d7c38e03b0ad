"""Look inside a generator, in a browser: python -m dcgan_jax.explore RUN."""

from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.explore import config as configs
from dcgan_jax.explore.config import ExploreConfig


def main(argv: Sequence[str]) -> int:
    """Serve the page until it is stopped; return the exit code."""
    config = cli.parse(ExploreConfig, argv)
    configs.check(config)
    from dcgan_jax.explore import server, subject
    from dcgan_jax.system import backend

    cli.configure_logging()
    backend.enable_compilation_cache()
    server.serve(subject.open_subject(config), config)
    return 0


if __name__ == "__main__":
    cli.run_main(main)
