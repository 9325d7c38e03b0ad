"""Images of two known parts, a cool striped background and a warm disc, and a detector.

Made so that a generator's object can be found by its colour alone: red exceeds blue in
every disc and nowhere else.
"""

from typing import NamedTuple

import numpy as np

SIZE = 32  # pixels
_RADII = 4.0, 7.0  # pixels
_STRIPE_LENGTHS = 8.0, 20.0  # pixels
_STRIPE_CONTRAST = 0.1
# Least and most of red, green and blue, in [0, 1].
_COOL = np.array([[0.0, 0.25], [0.2, 0.75], [0.45, 0.9]])
_WARM = np.array([[0.85, 1.0], [0.1, 0.75], [0.0, 0.15]])

_MIN_EXCESS = 40  # grey levels of red over blue: half of the least that discs have
_MIN_AREA = 20  # pixels; the smallest disc has 50


class Found(NamedTuple):
    """Warm pixels of images.

    Attributes:
        warm: bool (count, height, width).
        present: bool (count,), whether they are enough to be an object.
    """

    warm: np.ndarray
    present: np.ndarray


def make_images(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images, about half of them with a disc at a random place.

    Returns:
        uint8 (count, SIZE, SIZE, 3), and (count,) int32, 1 where there is a disc.
    """
    rng = np.random.default_rng(seed)
    present = rng.random(count) < 0.5
    images = np.stack([_draw(rng, with_disc=bool(disc)) for disc in present])
    return images, present.astype(np.int32)


def find_objects(images: np.ndarray) -> Found:
    """Find warm discs.

    Args:
        images: uint8 (count, height, width, 3).
    """
    red, blue = images[..., 0].astype(int), images[..., 2].astype(int)
    warm = red - blue > _MIN_EXCESS
    return Found(warm, warm.sum((1, 2)) >= _MIN_AREA)


def bound(warm: np.ndarray, *, margin: int) -> tuple[int, int, int, int]:
    """Return the box (x, y, width, height) around an image's warm pixels.

    Args:
        warm: bool (height, width), with any.
        margin: pixels by which the box is wider on every side, within the image.
    """
    limits = []
    for along, side in ((warm.any(0), warm.shape[1]), (warm.any(1), warm.shape[0])):
        places = np.flatnonzero(along)
        first = max(int(places[0]) - margin, 0)
        limits.append((first, min(int(places[-1]) + 1 + margin, side) - first))
    (x, width), (y, height) = limits
    return x, y, width, height


def _draw(rng: np.random.Generator, *, with_disc: bool) -> np.ndarray:
    places = np.mgrid[:SIZE, :SIZE].astype(float)
    first, second = (rng.uniform(*_COOL.T) for _ in range(2))
    slope = places[0] / (SIZE - 1)
    image = first + slope[..., None] * (second - first)
    angle, phase = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    along = places[0] * np.sin(angle) + places[1] * np.cos(angle)
    wave = np.sin(2 * np.pi * along / rng.uniform(*_STRIPE_LENGTHS) + phase)
    image = image + _STRIPE_CONTRAST * wave[..., None]
    if with_disc:
        radius = rng.uniform(*_RADII)
        centre = rng.uniform(radius, SIZE - 1 - radius, 2)
        distance = np.hypot(places[0] - centre[0], places[1] - centre[1])
        cover = np.clip(radius - distance + 0.5, 0, 1)[..., None]
        image = image + cover * (rng.uniform(*_WARM.T) - image)
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
