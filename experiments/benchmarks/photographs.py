"""A zip of JPEG photographs that are cut at random out of real ones."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

SHORT_SIDE = 256  # of LSUN's images
QUALITY = 75  # Pillow's default
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def write_zip(path: Path, source: Path | None, *, count: int, distinct: int) -> None:
    """Write `count` JPEGs of short side 256, repeating `distinct` different ones.

    Args:
        path: the zip's path.
        source: a folder of photographs, or None for the two that scikit-learn ships.
        count: the number of members.
        distinct: the number of different images.
    """
    photographs = _load(source)
    rng = np.random.default_rng(0)
    encoded = [
        _encode(photographs[index % len(photographs)], rng)
        for index in range(min(distinct, count))
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for index in range(count):
            archive.writestr(f"{index:06}.jpg", encoded[index % len(encoded)])


def _load(source: Path | None) -> list[Image.Image]:
    if source is None:
        from sklearn.datasets import load_sample_images

        return [Image.fromarray(pixels) for pixels in load_sample_images().images]
    files = sorted(f for f in source.rglob("*") if f.suffix.lower() in ENDINGS)
    if not files:
        raise FileNotFoundError(f"{source} holds no images")
    return [Image.open(file).convert("RGB") for file in files[:500]]


def _encode(photograph: Image.Image, rng: np.random.Generator) -> bytes:
    """Cut out 4:3 of random size and place, scale it, compress it."""
    height = int(min(photograph.height, photograph.width * 3 / 4) * rng.uniform(0.6, 1))
    width = int(height * 4 / 3)
    left = int(rng.integers(0, photograph.width - width + 1))
    top = int(rng.integers(0, photograph.height - height + 1))
    part = photograph.crop((left, top, left + width, top + height))
    part = part.resize((SHORT_SIDE * 4 // 3, SHORT_SIDE), Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    buffer = io.BytesIO()
    part.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
