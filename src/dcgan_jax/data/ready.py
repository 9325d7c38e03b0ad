"""Preparation of a store by a process of its own, before JAX takes the devices."""

import contextlib
import dataclasses
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from subprocess import PIPE, STDOUT

from dcgan_jax.config import DataConfig, TrainConfig, data_config, is_conditional
from dcgan_jax.data import kept_rows, store
from dcgan_jax.system import errors, signals

_ERROR = "error: "


def make_ready(config: DataConfig) -> int:
    """Make sure that a config's store is there; return an exit code, 0 if it is there.

    `dcgan_jax.prepare` runs in a process that sees no GPU: TensorFlow, which some data
    sets need, would take all of it.
    """
    if _is_ready(config):
        return 0
    with _start(data_flags(config)) as child, _passing_signals_to(child):
        code = child.wait()
    return code if code >= 0 else 128 - code


def require(config: DataConfig) -> None:
    """Make sure that a config's store is there, or raise an error.

    Raises:
        InputError: if it cannot be made; the message is that of `dcgan_jax.prepare`.
        MissingInputError: if there is no such source.
    """
    if not _is_ready(config):
        prepare(config)


def prepare(config: DataConfig, more: Sequence[str] = ()) -> None:
    """Prepare a config's store in a process of its own; its lines appear on stderr.

    Args:
        config: the store's config.
        more: further flags of `dcgan_jax.prepare`.

    Raises:
        InputError: if it cannot be made; the message is that of `dcgan_jax.prepare`.
        MissingInputError: if there is no such source.
    """
    if config.source is not None and not config.source.exists():
        raise errors.MissingInputError(
            f"there is no file or folder {config.source}; expected the source of the "
            "images."
        )
    last = ""
    with _start([*data_flags(config), *more], stdout=PIPE, stderr=STDOUT) as child:
        assert child.stdout is not None
        try:
            with io.TextIOWrapper(child.stdout, errors="replace") as lines:
                for line in lines:
                    last = line.strip() or last
                    if not last.startswith(_ERROR):  # an error is raised below
                        print(line, end="", file=sys.stderr)
        except BaseException:  # after Ctrl-C too, the next call goes on from there
            child.terminate()
            raise
        code = child.wait()
    if code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
        raise KeyboardInterrupt
    if code != 0:
        told = last.removeprefix(_ERROR) or f"it ended with exit code {code}"
        raise errors.InputError(f"the images cannot be prepared: {told}")


def _is_ready(config: DataConfig) -> bool:
    # With a source, `prepare` also looks whether it has changed since.
    return config.source is None and not config.reprepare and is_there(config)


def _start(flags: Sequence[str], **streams: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dcgan_jax.prepare", *flags]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "ROCR_VISIBLE_DEVICES": ""}
    return subprocess.Popen(command, env=hidden, **streams)  # type: ignore[call-overload,no-any-return]


def data_flags(config: DataConfig) -> list[str]:
    """Return the flags that `prepare` reads back to what a config needs of the data."""
    flags = []
    if isinstance(config, TrainConfig) and is_conditional(config):
        flags.append("--labelled")
    for name, value in dataclasses.asdict(data_config(config)).items():
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no_{name}")
        elif value is not None:
            flags.append(f"--{name}={value}")
    return flags


def is_there(config: DataConfig) -> bool:
    """Tell whether a config's store, and its list of kept rows, is complete."""
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


def _passing_signals_to(
    child: subprocess.Popen[bytes],
) -> contextlib.AbstractContextManager[None]:
    # A terminal sends Ctrl-C to both processes by itself; SIGTERM comes to us alone.
    def pass_on(number: int, frame: object) -> None:
        del frame
        child.send_signal(number)

    return signals.answering(
        {
            signal.SIGINT: lambda *_: None,
            signal.SIGTERM: pass_on,
            signal.SIGHUP: pass_on,
        }
    )
