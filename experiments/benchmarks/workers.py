"""The measuring side of the worker processes, of which one is active at a time."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_SCRIPT = Path(__file__).with_name("worker.py")
_SOURCES = Path(__file__).resolve().parents[2] / "src"


class WorkerError(RuntimeError):
    """Report that a measured process ended; its own message is on stderr."""


class Worker:
    """A process with libraries, thread pools and an allocator of its own.

    Attributes:
        start_seconds: time from the start of the process to the end of its first step.
        made_seconds: the part of it after the start of Python: libraries and the
            compilation of the step.
        peak_mb: the most memory that it has held so far, in MB.
    """

    def __init__(self, spec: dict[str, Any], environment: dict[str, str]) -> None:
        path = os.pathsep.join(
            filter(None, [str(_SOURCES), environment.get("PYTHONPATH")])
        )
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "PYTHONPATH": path},
        )
        self._begin = begin
        self.peak_mb = self.made_seconds = self.start_seconds = 0.0

    def wait(self) -> Self:
        """Wait for the end of its first step; return itself.

        Raises:
            WorkerError: if the process ends before.
        """
        self.made_seconds = self._read()
        self.start_seconds = time.perf_counter() - self._begin
        return self

    def ask(self, do: str, **arguments: Any) -> Any:
        """Call a method of the participant and wait for what it returns."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise WorkerError(f"a worker ended with code {self._process.returncode}")
        answer = json.loads(line)
        self.peak_mb = answer["peak_mb"]
        return answer["value"]
