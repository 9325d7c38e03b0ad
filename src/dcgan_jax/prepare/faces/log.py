"""The record of a folder of faces: a line for every photograph, and the counts."""

import collections
import contextlib
import dataclasses
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dcgan_jax.prepare import broken
from dcgan_jax.system import disk, errors, json_values

LOG = "faces.jsonl"
SUMMARY = "faces.json"
_VERSION = 1
_CROPS = "[0-9]*-[0-9]*.jpg"


@dataclasses.dataclass(frozen=True)
class SearchPlan:
    """What the faces of a folder depend on."""

    source_fingerprint: str
    split: str
    cascade: str
    min_face_size: int
    face_margin: float
    min_neighbors: int
    version: int = _VERSION


@dataclasses.dataclass
class Tally:
    """Counts over the photographs that are done."""

    num_photos: int = 0
    num_faces: int = 0
    photos_by_num_faces: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    smallest_crop: int | None = None
    """Least side of a crop, pixels; the largest --image_size that enlarges none."""
    left_out: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Names of the broken photographs, with reasons."""

    @property
    def photos_without_face(self) -> int:
        """Readable photographs in which none was found."""
        return self.photos_by_num_faces[0]

    @property
    def photos_with_several(self) -> int:
        """Photographs with more than one face."""
        return sum(n for faces, n in self.photos_by_num_faces.items() if faces > 1)

    def add(self, entry: dict[str, Any]) -> None:
        """Count one photograph by its entry in the log."""
        self.num_photos += 1
        if "broken" in entry:
            self.left_out.append((entry["photo"], entry["broken"]))
            return
        found = entry["faces"]
        self.num_faces += len(found)
        self.photos_by_num_faces[len(found)] += 1
        for face in found:
            side = face["crop"][2]
            self.smallest_crop = min(side, self.smallest_crop or side)


class Log:
    """The open log; what is in it survives a kill, photograph by photograph."""

    def __init__(self, file: io.BufferedRandom, plan: SearchPlan, tally: Tally) -> None:
        self._file = file
        self.plan = plan
        self.tally = tally

    def append(self, entries: Sequence[dict[str, Any]]) -> None:
        """Write a line for each photograph; their faces must be on the disk already."""
        for entry in entries:
            self._file.write(_line(entry))
            self.tally.add(entry)
        self._file.flush()
        os.fsync(self._file.fileno())


@contextlib.contextmanager
def open_log(folder: Path, plan: SearchPlan) -> Iterator[Log]:
    """Open a folder's log behind its last whole line, or begin one.

    Raises:
        InputError: if the log is of another plan.
    """
    path = folder / LOG
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        disk.write_whole(path, _line(dataclasses.asdict(plan)))
    tally = Tally()
    with path.open("r+b") as file:
        _check_same(folder, _read_plan(path, file.readline()), plan)
        whole = file.tell()
        for line in file:
            if not line.endswith(b"\n"):  # a kill came in between
                break
            try:
                tally.add(_read_entry(line))
            except ValueError as error:
                raise _damaged(path, error) from error
            whole += len(line)
        file.seek(whole)
        file.truncate()
        yield Log(file, plan, tally)


def read_fingerprint(folder: Path) -> str | None:
    """Return the fingerprint of the photographs that a folder's faces are of.

    Raises:
        InputError: if the log is damaged.
    """
    path = folder / LOG
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return _read_plan(path, file.readline()).source_fingerprint


def _check_same(folder: Path, found: SearchPlan, asked: SearchPlan) -> None:
    """Raise an error if a folder holds faces of another plan.

    Raises:
        InputError: naming the first setting that differs.
    """
    if found == asked:
        return
    for field in dataclasses.fields(SearchPlan):
        was, now = getattr(found, field.name), getattr(asked, field.name)
        if was != now:
            break
    what = f"{field.name}={was}, this asks for {now}"
    if field.name == "source_fingerprint":
        what = "other photographs, or --source has changed since"
    raise errors.InputError(
        f"{folder} holds faces found with {what}; choose another --out, or delete that"
        " folder"
    )


def write_summary(folder: Path, log: Log) -> None:
    """Write the counts, which makes the folder complete."""
    tally = log.tally
    content = {
        "plan": dataclasses.asdict(log.plan),
        "num_photos": tally.num_photos,
        "num_faces": tally.num_faces,
        "photos_without_face": tally.photos_without_face,
        "photos_with_several": tally.photos_with_several,
        "photos_by_num_faces": dict(sorted(tally.photos_by_num_faces.items())),
        "smallest_crop": tally.smallest_crop,
        "left_out": tally.left_out,
    }
    disk.write_whole(folder / SUMMARY, (json.dumps(content, indent=1) + "\n").encode())
    if tally.left_out:
        broken.tell(tally.left_out, folder / SUMMARY, what="photographs")


def is_finished(folder: Path) -> bool:
    """Tell whether all photographs of a folder are done."""
    return (folder / SUMMARY).is_file()


def remove(folder: Path) -> None:
    """Remove the faces and the log, and the folder if nothing else is in it."""
    for file in (*folder.glob(_CROPS), folder / LOG):
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _line(values: dict[str, Any]) -> bytes:
    return (json.dumps(values) + "\n").encode()


def _read_plan(path: Path, line: bytes) -> SearchPlan:
    try:
        plan: SearchPlan = json_values.build(
            SearchPlan, json_values.parse(line), "the plan"
        )
        return plan
    except ValueError as error:
        raise _damaged(path, error) from error


def _read_entry(line: bytes) -> dict[str, Any]:
    """Read a photograph's line; raise a ValueError if it cannot be counted."""
    entry = json_values.parse(line)
    json_values.build(str, entry.get("photo"), "photo")
    if "broken" in entry:
        json_values.build(str, entry["broken"], "broken")
        return entry
    faces = json_values.build(list[dict[str, Any]], entry.get("faces"), "faces")
    for face in faces:
        crop = json_values.build(list[int], face.get("crop"), "crop")
        if len(crop) != 3:
            raise ValueError(f"a crop of {len(crop)} numbers")
    return entry


def _damaged(path: Path, error: Exception) -> errors.InputError:
    return errors.InputError(
        f"{path} is damaged or not this project's ({error}); choose another --out,"
        " or delete that folder"
    )
