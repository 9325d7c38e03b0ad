"""Look inside a generator on a page in the browser."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

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
    from dcgan_jax.explore import hub, server

    cli.start()
    with contextlib.ExitStack() as held:
        if listener is not None:
            held.enter_context(listener)
        if not config.run:
            config = dataclasses.replace(config, run=find_newest_run())
        shown = hub.Hub(config)
        shown.find(None)  # so that a mistake ends the command here
        server.serve(shown, config, listener)
    return 0


def find_newest_run() -> str:
    """List the runs below this folder; return the one that was written to last.

    Returns:
        "" if there is none.
    """
    from dcgan_jax.explore import hub
    from dcgan_jax.runs import folder as run_dir

    def find_time(run: str) -> float:
        written = (Path(run) / name for name in (run_dir.METRICS, run_dir.CONFIG))
        return max(path.stat().st_mtime for path in written if path.exists())

    runs = hub.list_runs(Path())
    print("\n".join(runs) or "there is no run in this folder or below", flush=True)
    return max(runs, key=find_time, default="")


if __name__ == "__main__":
    cli.run_main(main)
