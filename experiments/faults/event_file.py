"""Read TensorBoard's event files as a viewer does while they are being written."""

import struct
from pathlib import Path

# Each record: length (8 bytes), its checksum (4), the event, its checksum (4).
_HEADER, _FOOTER = struct.Struct("<QI"), struct.Struct("<I")


class Reader:
    """Reads a file again and again, each time from where it stopped.

    Args:
        file: of events.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._place = self._count = 0

    def count_events(self) -> int:
        """Return the number of whole events; the last may still be on its way.

        Raises:
            ValueError: if a checksum differs or an event cannot be parsed.
        """
        from tensorboardX.proto.event_pb2 import Event

        with self._file.open("rb") as file:
            file.seek(self._place)
            content = file.read()
        place = 0
        while place + _HEADER.size <= len(content):
            length, checksum = _HEADER.unpack_from(content, place)
            if _mask(content[place : place + 8]) != checksum:
                raise ValueError(f"the length of event {self._count} is damaged")
            begin = place + _HEADER.size
            end = begin + length
            if end + _FOOTER.size > len(content):
                break
            event = content[begin:end]
            if (_mask(event),) != _FOOTER.unpack_from(content, end):
                raise ValueError(f"event {self._count} is damaged")
            Event.FromString(event)
            self._count += 1
            place = end + _FOOTER.size
        self._place += place
        return self._count


def _mask(content: bytes) -> int:
    """Return the checksum of the format: a rotated CRC-32C."""
    from tensorboardX.crc32c import crc32c

    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
