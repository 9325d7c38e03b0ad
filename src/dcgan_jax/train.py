"""Train a DCGAN: python -m dcgan_jax.train --dataset=NAME (--help lists all flags)."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

from dcgan_jax import cli
from dcgan_jax.config import DataConfig
from dcgan_jax.data import store


def main(argv: Sequence[str]) -> int:
    """Prepare the data where they are missing, then train; return the exit code."""
    config = cli.parse_run(argv)
    # With a source, `prepare` also looks whether it has changed since.
    if config.source is not None or not store.is_complete(store.store_path(config)):
        code = _prepare_apart(config)
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


def _prepare_apart(config: DataConfig) -> int:
    """Run `dcgan_jax.prepare` in a process that sees no GPU; return its exit code.

    TensorFlow, which some data sets need, would take the whole GPU from the training.
    """
    command = [sys.executable, "-m", "dcgan_jax.prepare", *cli.data_flags(config)]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "ROCR_VISIBLE_DEVICES": ""}
    with subprocess.Popen(command, env=hidden) as child, _passing_signals_to(child):
        code = child.wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _passing_signals_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    # A terminal sends Ctrl-C to both processes by itself; SIGTERM comes to us alone.
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: child.terminate()),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    cli.run_main(main)
