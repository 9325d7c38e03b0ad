"""A training that a person starts from the page: the process of `dcgan train`."""

import filecmp
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from dcgan_jax import cli
from dcgan_jax.system import errors

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LAST = 2000  # bytes of what it has printed
_STOP_SECONDS = 60.0  # for its last save


def is_allowed(*, host: str, share: bool, read_only: bool) -> bool:
    """Tell whether the page may start a process: on this machine alone, if at all."""
    return host in _LOOPBACK and not share and not read_only


class Training:
    """At most one training at a time, and what it prints."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self.workdir: Path | None = None
        self.command = ""

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._process is not None and self._process.poll() is None

    def start(self, flags: Sequence[str], workdir: Path) -> None:
        """Start `dcgan train` with some flags.

        Raises:
            InputError: if a training goes on already, or the flags are refused.
        """
        if self.is_running:
            raise errors.InputError("a training goes on already; stop it first.")
        flags = [*flags, f"--workdir={workdir}"]
        cli.parse_train(flags)  # so that a mistake is told at once
        self.close()  # of an earlier one
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - read while it runs
        self.workdir, self.command = workdir, shlex.join(["dcgan", "train", *flags])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dcgan_jax.train", *flags],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the page, which then stops it
        )

    def stop(self) -> None:
        """Let it save and end."""
        if self._process is not None and self.is_running:
            self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Stop it and wait for its last save."""
        self.stop()
        if self._process is None:
            return
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._output is not None:
            self._output.close()
            self._output = None

    def read(self) -> str:
        """Return the end of what it has printed."""
        if self._output is None:
            return ""
        end = self._output.seek(0, 2)
        self._output.seek(max(0, end - _LAST))
        text = self._output.read().decode(errors="replace").replace("\r", "\n")
        self._output.seek(end)
        return text

    def describe(self) -> str:
        """Tell in a line how it stands."""
        if self._process is None:
            return "No training was started here."
        code = self._process.poll()
        if code is None:
            return f"Training goes on: `{self.command}`"
        if code == cli.BAD_INPUT:
            return f"The training was refused (exit code {code}): `{self.command}`"
        told = "has ended" if code == 0 else f"has stopped (exit code {code})"
        return f"The training {told}. `{self.command}` goes on from where it was."


def gather(files: Sequence[str], workdir: Path) -> Path:
    """Copy pictures that were dropped into a folder beside the run; return it.

    Raises:
        InputError: if other pictures are there, which would be trained on as well.
    """
    folder = workdir.with_name(f"{workdir.name}-pictures")
    copies = {
        folder / f"{number:06d}{Path(file).suffix.lower()}": file
        for number, file in enumerate(files)
    }
    if folder.is_dir() and not _hold_the_same(folder, copies):
        raise errors.InputError(
            f"{folder} holds other pictures; choose another name for the run."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, file in copies.items():
        shutil.copy(file, path)
    return folder


def _hold_the_same(folder: Path, copies: Mapping[Path, str]) -> bool:
    return set(folder.iterdir()) == set(copies) and all(
        filecmp.cmp(path, file, shallow=False) for path, file in copies.items()
    )
