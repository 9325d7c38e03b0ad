"""Forgetting to draw an object: which feature maps draw it (§6.3.1, Fig. 6).

Activations of a hidden convolution inside the object's boxes against activations
elsewhere in the same images give a logistic regression; the maps of positive weight are
those that draw the object, and are dropped everywhere.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dcgan_jax.latent.boxes import Box
from dcgan_jax.system import errors

_MAX_ITERATIONS = 10_000  # lbfgs takes tens to hundreds
_CHUNK = 64  # images whose difference is held at once


class Places(NamedTuple):
    """Positions of feature maps to learn from.

    Attributes:
        samples: (count,) numbers of the samples.
        rows: (count,) from above.
        columns: (count,) from the left.
        inside: bool (count,), whether in a box.
    """

    samples: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    inside: np.ndarray


class Regression(NamedTuple):
    """What tells the object from the rest.

    Attributes:
        weights: (maps,), of activations divided by their standard deviations.
        accuracy: share of the places that it was fitted to which it gets right.
        num_inside: places in boxes.
        num_outside: places elsewhere.
    """

    weights: np.ndarray
    accuracy: float
    num_inside: int
    num_outside: int


def find_default_layer(layers: Sequence[str]) -> str:
    """Return the paper's "second highest convolution layer" of the hidden ones.

    The highest makes the image. The paper's count does not fit this reading: about 200
    maps were dropped, while Fig. 1's network has 128 there and 256 one layer below.
    """
    return layers[-1]


def mark_positions(
    boxes: Sequence[Box], *, map_size: int, image_size: int
) -> dict[int, np.ndarray]:
    """Find the positions of a feature map that lie in boxes.

    A position lies in a box when the middle of the pixels that it covers does; a box
    without any such takes the one that its own middle is in.

    Args:
        boxes: in pixels.
        map_size: side of the maps.
        image_size: side of the images, pixels.

    Returns:
        Sample → bool (map_size, map_size).
    """
    pixels = image_size / map_size
    middles = (np.arange(map_size) + 0.5) * pixels
    marked: dict[int, np.ndarray] = {}
    for box in boxes:
        inside = marked.setdefault(box.sample, np.zeros((map_size, map_size), bool))
        sides = ((box.y, box.height), (box.x, box.width))
        rows, columns = (
            _between(middles, low, low + length, pixels) for low, length in sides
        )
        inside |= rows[:, None] & columns
    return marked


def choose_places(marked: dict[int, np.ndarray], rng: np.random.Generator) -> Places:
    """Take all positions in boxes, and as many random ones elsewhere.

    "Random samples from the same images" (§6.3.1): here each image gives as many
    positions outside its boxes as it has inside, or all that there are.

    Args:
        marked: from `mark_positions`.
        rng: for the choice.

    Raises:
        InputError: if the boxes leave nothing outside.
    """
    parts = []
    for sample, inside in sorted(marked.items()):
        positive, others = np.argwhere(inside), np.argwhere(~inside)
        count = min(len(positive), len(others))
        negative = rng.permutation(others)[:count]
        for places, is_inside in ((positive, True), (negative, False)):
            column = np.ones((len(places), 1), int)
            parts.append(np.hstack([sample * column, places, is_inside * column]))
    samples, rows, columns, flags = np.concatenate(parts).T
    if flags.all():
        raise errors.InputError(
            "the boxes cover their images whole, which leaves no place without the"
            " object to compare with; draw them closer around it."
        )
    return Places(samples, rows, columns, flags.astype(bool))


def fit_regression(features: np.ndarray, inside: np.ndarray) -> Regression:
    """Fit whether an activation lies on the object.

    Differs from the paper, which tells no more than "logistic regression": activations
    are divided by their standard deviations, so that weights of different maps can be
    compared; both kinds of places count the same; the penalty is scikit-learn's default
    (L2, C = 1).

    Args:
        features: float32 (places, maps), after batch norm and ReLU.
        inside: bool (places,), with both values.
    """
    from sklearn.linear_model import LogisticRegression

    spread = features.std(axis=0, dtype=np.float64)
    # A map that is the same everywhere tells nothing, and gets the weight 0.
    constant = spread <= 1e-6 * np.abs(features).max(initial=0)
    scaled = features / np.where(constant, 1, spread)
    scaled = np.where(constant, 0, scaled - scaled.mean(axis=0))
    model = LogisticRegression(class_weight="balanced", max_iter=_MAX_ITERATIONS)
    model.fit(scaled, inside)
    return Regression(
        model.coef_[0],
        float((model.predict(scaled) == inside).mean()),
        int(inside.sum()),
        int((~inside).sum()),
    )


def choose_dropped(weights: np.ndarray, *, num_dropped: int | None) -> np.ndarray:
    """Choose the maps to drop.

    Args:
        weights: (maps,).
        num_dropped: the maps of largest weight, as far as they are positive; None: all
            of positive weight, as in §6.3.1.

    Returns:
        bool (maps,).

    Raises:
        InputError: if no weight is positive, or fewer are than asked for.
    """
    positive = int((weights > 0).sum())
    count = positive if num_dropped is None else num_dropped
    if positive == 0:
        raise errors.InputError(
            "no feature map is stronger inside the boxes than elsewhere; check that"
            " they lie on samples of this seed and step."
        )
    if count > positive:
        raise errors.InputError(
            f"--num_dropped={count}, but only {positive} of {len(weights)} feature maps"
            " have a positive weight; give at most that."
        )
    dropped = np.zeros(len(weights), bool)
    dropped[np.argsort(-weights, kind="stable")[:count]] = True
    return dropped


def mark_pixels(
    boxes: Iterable[Box], samples: Sequence[int], *, image_size: int
) -> np.ndarray:
    """Find the pixels that lie in boxes, wholly or in part.

    Returns:
        bool (samples, image_size, image_size).
    """
    rows = {sample: row for row, sample in enumerate(samples)}
    marked = np.zeros((len(rows), image_size, image_size), bool)
    for box in boxes:
        bottom, right = box.y + box.height, box.x + box.width
        marked[
            rows[box.sample],
            int(box.y) : int(np.ceil(bottom)),
            int(box.x) : int(np.ceil(right)),
        ] = True
    return marked


def measure_change(
    before: np.ndarray, after: np.ndarray, inside: np.ndarray
) -> tuple[float, float]:
    """Measure how much pixels changed in boxes and elsewhere.

    Args:
        before: uint8 (count, height, width, channels).
        after: the same of the same latents without the dropped maps.
        inside: bool (count, height, width).

    Returns:
        Mean absolute change inside and outside, as shares of the range of pixels; NaN
        where there is no such pixel.
    """
    sums, counts = np.zeros(2), np.zeros(2)
    for start in range(0, len(before), _CHUNK):
        part = slice(start, start + _CHUNK)
        change = np.abs(before[part].astype(float) - after[part]).mean(axis=-1) / 255
        for place, where in enumerate((inside[part], ~inside[part])):
            sums[place] += change[where].sum()
            counts[place] += where.sum()
    means = np.divide(sums, counts, out=np.full(2, np.nan), where=counts > 0)
    return float(means[0]), float(means[1])


def _between(middles: np.ndarray, low: float, high: float, pixels: float) -> np.ndarray:
    inside = (middles >= low) & (middles < high)
    if not inside.any():
        nearest = min(int((low + high) / 2 / pixels), len(middles) - 1)
        inside[nearest] = True
    return inside
