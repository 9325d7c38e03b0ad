"""The face detector of `prepare --faces` (§4.2), measured on faces planted in photos.

python experiments/studies/faces_detection.py --faces=faces-64.zip --photos=bedrooms.zip

--faces is a folder or archive of square crops with one face in the middle each, such as
CelebA's, --photos one of photographs without people, such as LSUN's bedrooms. Faces are
pasted into enlarged photographs at random, so that every box is known; photographs as
they are give the false faces. Scenes with what was found are drawn to --picture, not
among the results, since they show people. Cost: ten minutes on one core. The paper has
no numbers to compare with.
"""

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from dcgan_jax import cli
from dcgan_jax.config import DataConfig
from dcgan_jax.data import transforms
from dcgan_jax.pictures import grid
from dcgan_jax.prepare import sources
from dcgan_jax.prepare.faces import crops as face_crops, detect
from dcgan_jax.prepare.sources import Source
from dcgan_jax.system import progress
from experiments import results

NAME = "faces_detection"
CASCADES = tuple(
    f"haarcascade_frontalface_{kind}.xml" for kind in ("default", "alt", "alt2")
)
BOUNDS = (1, 3, 5, 8, 12)  # of min_neighbors
ENLARGED = 2  # photographs, so that they are no sharper than the pasted faces
MOST_FACES = 3
SIDES = (112, 224)  # pixels of a pasted crop
# The face's own box in a crop of CelebA; about what every cascade marks there.
FACE_SHARE = 0.6
LEAST_IOU = 0.5
MIN_SIZE = 32  # of a false face in a photograph as it is
SHOWN = 9


class Scene(NamedTuple):
    """A photograph with planted faces."""

    image: Image.Image
    planted: np.ndarray
    """Squares of the faces, (n, 3)."""


class Found(NamedTuple):
    """What one cascade found, over all scenes and photographs."""

    ious: np.ndarray
    """The overlap of each detection in a scene with the nearest planted face."""
    windows: np.ndarray
    windows_in_photos: np.ndarray
    """The windows of the detections in photographs without faces."""
    photos_per_s: float
    """Scenes a second of one core's time."""


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    scenes, without = _make_pictures(flags)
    num_planted = sum(len(scene.planted) for scene in scenes)
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(face_crops.FacesConfig)
        if field.name in ("min_face_size", "min_neighbors")
    }
    numbers: dict[str, object] = {
        "num_scenes": len(scenes),
        "num_planted": num_planted,
        "num_photos_without_faces": len(without),
        "defaults": {"cascade": detect.CASCADE, **defaults},
    }
    for cascade in CASCADES:
        found = _search(cascade, scenes, without)
        numbers[cascade] = {
            "photos_per_s_on_one_core": found.photos_per_s,
            "by_min_neighbors": {
                str(bound): _score(found, bound, num_planted, len(scenes), len(without))
                for bound in BOUNDS
            },
        }
        print(cascade, numbers[cascade], flush=True)
    picture = [_draw(scene, **defaults) for scene in scenes[:SHOWN]]
    grid.save_image(_tile(picture), flags.picture)
    results.save(
        NAME,
        what="Faces planted in photographs: recall, precision and IoU of the detector",
        seed=flags.seed,
        protocol=f"crops of faces enlarged to {SIDES[0]} to {SIDES[1]} pixels, up to"
        f" {MOST_FACES} a scene, in photographs enlarged {ENLARGED} times; a face is"
        f" the middle {FACE_SHARE:.0%} of its crop, found if a box has an IoU of"
        f" {LEAST_IOU} with it; other boxes of {defaults['min_face_size']} pixels or"
        f" more are false. false_per_photo: photographs without people as they are,"
        f" boxes from {MIN_SIZE} pixels. In the picture: planted faces white,"
        " found ones green, false ones red",
        numbers=numbers,
    )
    return 0


def _make_pictures(flags: argparse.Namespace) -> tuple[list[Scene], list[Image.Image]]:
    """Return scenes with planted faces, and photographs as they are."""
    rng = np.random.default_rng(flags.seed)
    with tempfile.TemporaryDirectory() as work_dir:
        crops, photos = (
            sources.open_source(
                DataConfig(dataset="folder", source=path, image_size=64, channels=3),
                Path(work_dir),
            )
            for path in (flags.faces, flags.photos)
        )
        scenes = [_compose(crops, photos, rng) for _ in range(flags.num_scenes)]
        count = min(flags.num_photos, len(photos))
        chosen = rng.choice(len(photos), count, replace=False)
        return scenes, [_read(photos, int(n)) for n in chosen]


def _read(source: Source, index: int) -> Image.Image:
    return transforms.open_upright(source[index].content, 3)


def _compose(crops: Source, photos: Source, rng: np.random.Generator) -> Scene:
    """Plant faces that do not touch in one photograph."""
    photo = _read(photos, int(rng.integers(len(photos))))
    size = photo.width * ENLARGED, photo.height * ENLARGED
    image = photo.resize(size, Image.Resampling.BICUBIC)
    squares = np.zeros((0, 3), np.int64)
    for _ in range(rng.integers(MOST_FACES + 1)):
        side = int(rng.integers(*SIDES))
        left, top = (int(rng.integers(length - side)) for length in size)
        square = np.array([[left, top, side]])
        if detect.share_of_smaller(square, squares).any():
            continue
        crop = _read(crops, int(rng.integers(len(crops))))
        image.paste(crop.resize((side, side), Image.Resampling.BICUBIC), (left, top))
        squares = np.concatenate([squares, square])
    inset = np.rint(squares[:, 2:] * (1 - FACE_SHARE) / 2).astype(np.int64)
    planted = np.hstack([squares[:, :2] + inset, squares[:, 2:] - 2 * inset])
    return Scene(image, planted)


def _search(cascade: str, scenes: list[Scene], photos: list[Image.Image]) -> Found:
    least = face_crops.FacesConfig.min_face_size
    ious, windows, windows_in_photos = [], [], []
    with progress.track(cascade, len(scenes) + len(photos), unit="photos") as advance:
        begin = time.process_time()
        for scene in scenes:
            found = _detect(scene.image, cascade, min_size=least, min_neighbors=1)
            ious.append(_best_ious(found.squares, scene.planted))
            windows.append(found.num_windows)
            advance(1)
        seconds = time.process_time() - begin
        for photo in photos:
            found = _detect(photo, cascade, min_size=MIN_SIZE, min_neighbors=1)
            windows_in_photos.append(found.num_windows)
            advance(1)
    return Found(
        np.concatenate(ious),
        np.concatenate(windows),
        np.concatenate(windows_in_photos),
        len(scenes) / seconds,
    )


def _detect(
    image: Image.Image, cascade: str, *, min_size: int, min_neighbors: int
) -> detect.Detections:
    grey = np.asarray(image.convert("L"))
    return detect.detect(
        grey, cascade=cascade, min_size=min_size, min_neighbors=min_neighbors
    )


def _best_ious(squares: np.ndarray, planted: np.ndarray) -> np.ndarray:
    return detect.intersection_over_union(squares, planted).max(axis=1, initial=0.0)


def _score(
    found: Found, bound: int, num_planted: int, num_scenes: int, num_photos: int
) -> dict[str, float]:
    """Count as if the search had been made with this bound."""
    ious = found.ious[found.windows > bound]
    # Boxes of one scene hardly overlap: no two have half of a face in common.
    hits = ious[ious >= LEAST_IOU]
    return {
        "recall": len(hits) / num_planted,
        "precision": len(hits) / len(ious),
        "mean_iou": float(hits.mean()),
        "false_per_scene": (len(ious) - len(hits)) / num_scenes,
        "false_per_photo": float((found.windows_in_photos > bound).sum() / num_photos),
    }


def _draw(scene: Scene, min_face_size: int, min_neighbors: int) -> Image.Image:
    image = scene.image.copy()
    pen = ImageDraw.Draw(image)
    found = _detect(
        image, detect.CASCADE, min_size=min_face_size, min_neighbors=min_neighbors
    )
    _draw_boxes(pen, scene.planted, "white", width=8)
    is_true = _best_ious(found.squares, scene.planted) >= LEAST_IOU
    _draw_boxes(pen, found.squares[is_true], "lime", width=4)
    _draw_boxes(pen, found.squares[~is_true], "red", width=4)
    return image


def _draw_boxes(
    pen: ImageDraw.ImageDraw, squares: np.ndarray, colour: str, *, width: int
) -> None:
    for left, top, side in squares:
        corners = (left, top, left + side, top + side)
        pen.rectangle(corners, outline=colour, width=width)


def _tile(images: list[Image.Image]) -> np.ndarray:
    """Put pictures of different widths into one, at half their size."""
    small = [image.reduce(2) for image in images]
    height = max(image.height for image in small)
    width = max(image.width for image in small)
    tiles = np.full((len(small), height, width, 3), 255, np.uint8)
    for tile, image in zip(tiles, small, strict=True):
        tile[: image.height, : image.width] = np.asarray(image)
    return grid.make_grid(tiles)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--faces", type=Path, required=True, help="crops with one face each")
    add("--photos", type=Path, required=True, help="photographs without people")
    add("--num_scenes", type=int, default=300)
    add("--num_photos", type=int, default=300, help="as they are, for false faces")
    add("--seed", type=int, default=0)
    add("--picture", type=Path, default=Path(f"{NAME}.png"), help="scenes with boxes")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
