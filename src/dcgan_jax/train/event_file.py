"""TensorBoard's event file of a run; a failed write costs its event and no more."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_SECONDS_BETWEEN_FLUSHES = 10.0


class EventFile:
    """Appends events to a new file; after an error, to another one.

    It has no thread and no queue, unlike tensorboardX's own writer, whose thread ends
    with the first error, after which it blocks the run as its queue is full.

    Args:
        folder: of all event files of the run.
        step: from which on TensorBoard is to forget the events of older files.
    """

    def __init__(self, folder: Path, *, step: int) -> None:
        self._folder = folder.absolute()  # `s3:` at a name's beginning has a meaning
        self._purge_step = step
        self._writer: Any = None
        self._flush_time = time.monotonic()

    def add_scalars(self, values: dict[str, float], step: int) -> None:
        """Write numbers by their names.

        Raises:
            OSError: if they cannot be written.
        """
        from tensorboardX import summary

        for name, value in values.items():
            self._write(step, summary=summary.scalar(name, value))
        self._flush()

    def add_image(self, name: str, image: np.ndarray, step: int) -> None:
        """Write uint8 (height, width, channels) by a name.

        Raises:
            OSError: if it cannot be written.
        """
        from tensorboardX import summary

        self._write(step, summary=summary.image(name, image, dataformats="HWC"))
        self._flush()

    def close(self) -> None:
        """Write out what is buffered.

        Raises:
            OSError: if it cannot be written.
        """
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _open(self) -> None:
        from tensorboardX.proto.event_pb2 import SessionLog
        from tensorboardX.record_writer import RecordWriter

        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}"
        self._writer = RecordWriter(str(self._folder / name))
        start = SessionLog(status=SessionLog.START)
        for content in ({"file_version": "brain.Event:2"}, {"session_log": start}):
            self._write(self._purge_step, **content)

    def _write(self, step: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), step=step, **content)
        with self._giving_up():
            if self._writer is None:
                self._open()
            self._writer.write(event.SerializeToString())

    def _flush(self) -> None:
        """Show others what is there, seldom: tensorboardX waits for the disk itself."""
        if time.monotonic() - self._flush_time < _SECONDS_BETWEEN_FLUSHES:
            return
        self._flush_time = time.monotonic()
        with self._giving_up():
            self._writer.flush()

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Leave a file at an error: what it still buffers belongs behind a gap."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):
                self.close()
            raise
