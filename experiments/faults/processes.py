"""Processes of this project's commands: started, watched, killed."""

import contextlib
import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

SLOW_DISK = Path(__file__).with_name("slow_disk.py")
# Longer than any command here takes on a busy machine.
_PATIENCE_SECONDS = 900


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        code: of the exit; −n where signal n ended it.
        out: its standard output.
        err: its standard error.
        cpu_seconds: that it computed for, if it still ran when its end was waited for.
    """

    code: int
    out: str
    err: str
    cpu_seconds: float

    @property
    def last_line(self) -> str:
        """The last line of standard error."""
        return (self.err.splitlines() or [""])[-1]

    @property
    def is_one_error(self) -> bool:
        """Whether it refused as promised: exit code 2, a line, no traceback."""
        return (
            self.code == 2
            and self.last_line.startswith("error: ")
            and "Traceback" not in self.err
        )


class Running:
    """A command of this project in a process of its own.

    Args:
        module: such as train.
        flags: of the command.
        slow: seconds by which every fsync and rename is delayed, twice.
        through: a script that runs the module, and its own arguments.
    """

    def __init__(
        self,
        module: str,
        flags: Iterable[object],
        *,
        slow: float = 0.0,
        through: Sequence[object] = (),
    ) -> None:
        command = [f"dcgan_jax.{module}", *map(str, flags)]
        way = [SLOW_DISK, str(slow)] if slow else list(map(str, through)) or ["-m"]
        # Files, not pipes: nobody reads while the process runs.
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `end`
        self._err = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, *way, *command],
            stdout=self._out,
            stderr=self._err,
            start_new_session=True,
        )
        self.started = time.monotonic()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait_until(self, holds: Callable[[], bool]) -> bool:
        """Wait for something to hold; return False if the process ended before."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not holds():
            if not self.is_running:
                return False
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"process {self.pid} did not do what was waited for")
            time.sleep(0.002)
        return True

    def rest(self, seconds: float) -> None:
        """Wait, at most until the process ends."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def kill(self) -> bool:
        """Kill the process alone with SIGKILL; return whether it still ran."""
        hit = self.is_running
        self._process.kill()
        self._process.wait()
        return hit

    def send(self, number: int, *, to_group: bool = False) -> None:
        """Send a signal, to all of its processes if asked to."""
        with contextlib.suppress(ProcessLookupError):
            if to_group:
                os.killpg(self.pid, number)
            else:
                self._process.send_signal(number)

    def cpu_seconds(self) -> float:
        """Return for how long it has computed, whatever else the machine does."""
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{self.pid}/stat").read_text()
            user, system = text.rpartition(")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def children(self) -> list[int]:
        """Return the numbers of the processes that it has started."""
        tasks = Path(f"/proc/{self.pid}/task")
        with contextlib.suppress(OSError):
            return [
                int(pid)
                for task in tasks.iterdir()
                for pid in (task / "children").read_text().split()
            ]
        return []

    def end(self) -> Ended:
        """Wait for the end; a process that hangs is killed and an error."""
        before = _children_cpu_seconds()
        try:
            code = self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL, to_group=True)
            self._process.wait()
            raise TimeoutError(f"{self._process.args} hung") from None
        out, err = (_read_and_close(file) for file in (self._out, self._err))
        return Ended(code, out, err, _children_cpu_seconds() - before)


def _read_and_close(file: IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read()


def _children_cpu_seconds() -> float:
    """Return how long all processes computed that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(module: str, *flags: object) -> Ended:
    """Run a command to its end."""
    return Running(module, flags).end()


def hash_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file by its path in the folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            if path.is_file():
                content = path.read_bytes()
                found[str(path.relative_to(folder))] = hashlib.sha256(
                    content
                ).hexdigest()
    return found


def find_newest_change(folder: Path) -> float:
    """Return when a file in the folder was last written; links are others' files."""
    return max((time for _, time in _list_changes(folder, "*")), default=0.0)


def find_half_written(folder: Path) -> set[tuple[Path, float]]:
    """Return files and folders under passing names, with the times of their change."""
    return _list_changes(folder, "*.tmp") | _list_changes(folder, ".*.partial")


def _list_changes(folder: Path, pattern: str) -> set[tuple[Path, float]]:
    found = set()
    for path in folder.rglob(pattern):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            if not path.is_symlink():
                found.add((path, path.stat().st_mtime))
    return found
