"""Photographs → a folder of faces (§4.2); a kill loses a few photographs' work."""

import contextlib
import functools
import io
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from dcgan_jax.config import DataConfig
from dcgan_jax.data import transforms
from dcgan_jax.prepare import broken as broken_images, sources, workers
from dcgan_jax.prepare.config import FacesConfig
from dcgan_jax.prepare.faces import detect, log as face_log
from dcgan_jax.prepare.sources import Source
from dcgan_jax.system import disk, errors, marks, progress
from dcgan_jax.system.errors import BrokenImage

# Starting processes takes about a second; so many are searched meanwhile.
_IN_PROCESS_UP_TO = 16
_CHUNK_PHOTOS = 4
# Twice the side of the largest networks; a portrait would fill the disk as it is.
MAX_CROP_SIZE = 256
_UNPACKED = ".unpacked"
_JPEG_OPTIONS = {"quality": 95, "subsampling": 0}


class _Crop(NamedTuple):
    """A face as it goes to the disk."""

    name: str
    content: bytes


class _Photo(NamedTuple):
    """A photograph's entry in the log, and the faces that it names."""

    entry: dict[str, Any]
    crops: list[_Crop]


def cut_faces(config: FacesConfig, *, show_progress: bool = True) -> face_log.Tally:
    """Make sure that a folder holds the faces of some photographs; cheap when it does.

    Beside the faces lie `detect.jsonl`, which tells of every photograph where its faces
    are, and `detect.json`, the counts, written last.

    Args:
        config: what to cut out of what.
        show_progress: report on stderr.

    Returns:
        The counts.

    Raises:
        InputError: if a setting, the source or the folder cannot be used, OpenCV is
            missing, more than 1 % of the photographs are broken, or none has a face.
    """
    marks.check_bounds(config)
    detect.load_detector(detect.CASCADE)
    data = DataConfig(
        dataset="folder",
        source=config.source,
        split=config.split,
        image_size=64,  # of no meaning here, as the channels
        channels=3,
    )
    sources.check(data)  # before anything is written
    _check_folder(config)
    # Both ask for the same photographs, this one without unpacking an archive.
    fingerprint = face_log.read_fingerprint(config.out)
    if fingerprint is None or not sources.is_unchanged(data, fingerprint):
        fingerprint = sources.fingerprint_source(data)
    with (
        disk.exclusive(config.out.with_name(config.out.name + ".lock")),
        face_log.open_log(config.out, _plan(config, str(fingerprint))) as log,
    ):
        if face_log.is_finished(config.out):
            return log.tally
        try:
            with contextlib.closing(
                sources.open_source(data, config.out / _UNPACKED)
            ) as source:
                _extract_all(source, config, log, show_progress)
        except errors.InputError:
            if log.tally.num_faces == 0:  # then nothing in there is worth keeping
                _remove(config.out)
            raise
        shutil.rmtree(config.out / _UNPACKED, ignore_errors=True)
        face_log.write_summary(config.out, log)
    return log.tally


def _plan(config: FacesConfig, fingerprint: str) -> face_log.SearchPlan:
    return face_log.SearchPlan(
        source_fingerprint=fingerprint,
        split=config.split,
        cascade=detect.CASCADE,
        min_face_size=config.min_face_size,
        face_margin=config.face_margin,
        min_neighbors=config.min_neighbors,
    )


def find_in_photos(
    source: Source, config: FacesConfig, indices: Iterable[int]
) -> list[_Photo]:
    """Find and cut out the faces of some photographs."""
    return [_find_in_photo(source, config, index) for index in indices]


def _find_in_photo(source: Source, config: FacesConfig, index: int) -> _Photo:
    name = f"photograph {index}"
    try:
        name, content, _ = source[index]
        image = transforms.open_upright(content, 3)
    except BrokenImage as error:
        return _Photo({"photo": error.name or name, "broken": str(error)}, [])
    found = detect.detect(
        np.asarray(image.convert("L")),
        cascade=detect.CASCADE,
        min_size=config.min_face_size,
        min_neighbors=config.min_neighbors,
    )
    shape = image.height, image.width
    cuts = detect.add_margin(
        found.squares, margin=config.face_margin, image_shape=shape
    )
    crops = [
        _Crop(f"{index:07d}-{number}.jpg", _encode(image, cut))
        for number, cut in enumerate(cuts)
    ]
    told = [
        {
            "file": crop.name,
            "face": square.tolist(),
            "crop": cut.tolist(),
            "num_windows": int(count),
        }
        for crop, square, cut, count in zip(
            crops, found.squares, cuts, found.num_windows, strict=True
        )
    ]
    return _Photo({"photo": name, "faces": told}, crops)


def _encode(image: Image.Image, square: np.ndarray) -> bytes:
    left, top, side = (int(value) for value in square)
    crop = image.crop((left, top, left + side, top + side))
    if side > MAX_CROP_SIZE:
        crop = crop.resize((MAX_CROP_SIZE, MAX_CROP_SIZE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    crop.save(buffer, "JPEG", **_JPEG_OPTIONS)
    return buffer.getvalue()


def _extract_all(
    source: Source, config: FacesConfig, log: face_log.Log, show_progress: bool
) -> None:
    """Go through the photographs that are not in the log yet.

    Raises:
        InputError: if too many of them are broken, or none of all has a face.
    """
    count, first = len(source), log.tally.num_photos
    works = (
        range(n, min(n + _CHUNK_PHOTOS, count))
        for n in range(first, count, _CHUNK_PHOTOS)
    )
    is_small = config.num_workers == 0 and count - first <= _IN_PROCESS_UP_TO
    with (
        contextlib.closing(
            workers.share_out(
                functools.partial(find_in_photos, source, config),
                works,
                num_workers=1 if is_small else config.num_workers,
            )
        ) as results,
        progress.track(
            "finding faces",
            count,
            unit="photos",
            done=first,
            visible=show_progress and first < count,
        ) as advance,
    ):
        for photos in results:
            _write(photos, config.out, log)
            advance(len(photos))
            _check_broken(config.out, log.tally, count)
    if log.tally.num_faces == 0:
        raise errors.InputError(
            f"no face of {config.min_face_size} pixels or more in the {count:,}"
            f" photographs of {config.source}; give photographs of people, seen from"
            " the front, or a smaller --min_face_size"
        )


def _write(photos: list[_Photo], out: Path, log: face_log.Log) -> None:
    for photo in photos:
        for crop in photo.crops:
            disk.write_whole(out / crop.name, crop.content)
    log.append([photo.entry for photo in photos])


def _check_broken(out: Path, tally: face_log.Tally, num_photos: int) -> None:
    """Give up, and remove what there is, when too many photographs are broken."""
    broken = tally.left_out
    if len(broken) > broken_images.MAX_BROKEN_FRACTION * num_photos:
        _remove(out)  # nothing could be used again: mending changes the source
        raise broken_images.make_broken_error(broken, num_photos)


def _remove(out: Path) -> None:
    shutil.rmtree(out / _UNPACKED, ignore_errors=True)
    face_log.remove(out)


def _check_folder(config: FacesConfig) -> None:
    """Raise an error if the faces cannot go where they are to go."""
    out = config.out
    if out.exists() and not out.is_dir():
        raise errors.InputError(f"--out={out} is a file; give the name of a folder")
    if out.resolve().is_relative_to(config.source.resolve()):
        raise errors.InputError(
            f"--out={out} lies in --source={config.source}, whose photographs it would"
            " join; choose a folder outside of it"
        )
    if out.is_dir() and any(out.iterdir()) and not (out / face_log.LOG).is_file():
        raise errors.InputError(
            f"--out={out} holds other files; choose a new or an empty folder"
        )
