"""Have a store made by a process of its own, before JAX takes the devices."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator

from dcgan_jax.architectures import CONDITIONAL
from dcgan_jax.config import DataConfig, TrainConfig, data_config
from dcgan_jax.data import kept_rows, store


def make_ready(config: DataConfig) -> int:
    """Make sure that a config's store is there; return an exit code, 0 if it is.

    `dcgan_jax.prepare` runs in a process that sees no GPU: TensorFlow, which some data
    sets need, would take all of it.
    """
    # With a source, `prepare` also looks whether it has changed since.
    if config.source is None and _is_there(config):
        return 0
    command = [sys.executable, "-m", "dcgan_jax.prepare", *data_flags(config)]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "ROCR_VISIBLE_DEVICES": ""}
    with subprocess.Popen(command, env=hidden) as child, _passing_signals_to(child):
        code = child.wait()
    return code if code >= 0 else 128 - code


def data_flags(config: DataConfig) -> list[str]:
    """Return the flags that `prepare` reads back to what a config needs of the data."""
    flags = []
    if isinstance(config, TrainConfig) and config.architecture in CONDITIONAL:
        flags.append("--labelled")
    for name, value in dataclasses.asdict(data_config(config)).items():
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no_{name}")
        elif value is not None:
            flags.append(f"--{name}={value}")
    return flags


def _is_there(config: DataConfig) -> bool:
    if not store.is_complete(store.store_path(config)):
        return False
    return not config.dedup or kept_rows.is_complete(kept_rows.folder_of(config))


def make_all_ready(configs: Iterable[DataConfig]) -> int:
    """Make sure that the stores of all configs are there; return an exit code."""
    for config in configs:
        code = make_ready(config)
        if code != 0:
            return code
    return 0


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
