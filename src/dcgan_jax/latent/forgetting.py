"""From a generator and boxes to the picture and the numbers of Fig. 6."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.latent import boxes as box_files, object_maps, samples as dropping
from dcgan_jax.latent.boxes import Box, BoxFile
from dcgan_jax.latent.object_maps import Regression
from dcgan_jax.latent.samples import Pairs
from dcgan_jax.pictures import grid, pairs as pictures
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample import numbered

PROTOCOL = (
    "logistic regression on activations (after batch norm and ReLU) inside boxes"
    " against as many random places of the same images outside; maps of positive weight"
    " set to 0 everywhere; stored batch statistics; changes: mean absolute difference"
    " of pixels of the samples with boxes, as a share of their range"
)
_COLUMNS = 8


class Choices(NamedTuple):
    """What there is to choose; as the flags of `latent forget`."""

    num_samples: int
    label: int | None
    layer: str | None
    num_dropped: int | None
    num_shown: int


class Outcome(NamedTuple):
    """What came of it.

    Attributes:
        layer: name of the convolution.
        regression: that chose the maps.
        dropped: bool (maps,).
        num_boxes: how many there were …
        num_boxed: … on how many samples.
        change_inside: mean absolute change of pixels in boxes, share of the range.
        change_outside: of the others of the same images; NaN where there are none.
    """

    layer: str
    regression: Regression
    dropped: np.ndarray
    num_boxes: int
    num_boxed: int
    change_inside: float
    change_outside: float


def run(
    loaded: LoadedGenerator, found: BoxFile, *, seed: int, choices: Choices, out: Path
) -> Outcome:
    """Learn the object's feature maps, drop them, and write the picture.

    Args:
        loaded: the generator.
        found: boxes on its samples.
        seed: of the samples and of the random places.
        choices: the settings.
        out: of the picture (.png): first samples with boxes, then new ones, each above
            the same latent without the maps.

    Raises:
        InputError: if boxes, layer or label do not fit the generator.
    """
    layer = dropping.settle_layer(loaded, choices.layer)
    size = loaded.config.image_size
    boxes = box_files.fit_boxes(found, image_size=size, num_samples=choices.num_samples)
    samples = numbered.choose(
        loaded,
        count=choices.num_samples + choices.num_shown,
        seed=seed,
        label=choices.label,
    )
    regression = dropping.learn(samples, boxes, layer=layer, seed=seed)
    dropped = object_maps.choose_dropped(
        regression.weights, num_dropped=choices.num_dropped
    )
    boxed = sorted({box.sample for box in boxes})
    new = range(choices.num_samples, choices.num_samples + choices.num_shown)
    drawn = dropping.draw_pairs(
        samples.take([*boxed, *new]), layer=layer, dropped=dropped
    )
    old, fresh = (
        Pairs(*(part[: len(boxed)] for part in drawn)),
        Pairs(*(part[len(boxed) :] for part in drawn)),
    )
    inside = object_maps.mark_pixels(boxes, boxed, image_size=size)
    changes = object_maps.measure_change(old.before, old.after, inside)
    shown = Pairs(*(part[: choices.num_shown] for part in old))
    rectangles = [[box for box in boxes if box.sample == number] for number in boxed]
    save_picture(shown, fresh, rectangles, out)
    return Outcome(layer, regression, dropped, len(boxes), len(boxed), *changes)


def save_picture(old: Pairs, new: Pairs, boxes: list[list[Box]], out: Path) -> None:
    """Write samples with their boxes, then new ones, each above what became of it.

    Args:
        old: samples with boxes.
        new: others.
        boxes: of each of the old ones.
        out: of the PNG.
    """
    scale = pictures.choose_scale(old.before.shape[1])
    before = pictures.enlarge(old.before, scale)
    for image, rectangles in zip(before, boxes, strict=False):
        pictures.outline(image, [box[1:] for box in rectangles], scale)
    parts = [
        (before, pictures.enlarge(old.after, scale)),
        (pictures.enlarge(new.before, scale), pictures.enlarge(new.after, scale)),
    ]
    rows = [pictures.stack(*part, columns=_COLUMNS) for part in parts]
    out.parent.mkdir(parents=True, exist_ok=True)
    grid.save_image(pictures.join(rows), out)


def to_numbers(outcome: Outcome) -> dict[str, Any]:
    """Return what a result file says."""
    return {
        "layer": outcome.layer,
        "num_maps": len(outcome.dropped),
        "num_dropped": int(outcome.dropped.sum()),
        "dropped_maps": np.flatnonzero(outcome.dropped).tolist(),
        "training_accuracy": outcome.regression.accuracy,
        "num_places_inside": outcome.regression.num_inside,
        "num_places_outside": outcome.regression.num_outside,
        "num_boxes": outcome.num_boxes,
        "num_samples_with_boxes": outcome.num_boxed,
        "change_inside_boxes": outcome.change_inside,
        "change_outside_boxes": outcome.change_outside,
    }


def describe(outcome: Outcome) -> str:
    """Tell it to a person, in lines."""
    regression, dropped = outcome.regression, outcome.dropped
    return "\n".join(
        [
            f"boxes       {outcome.num_boxes} on {outcome.num_boxed} samples",
            f"dropped     {dropped.sum()} of {len(dropped)} feature maps"
            f" of {outcome.layer}",
            f"regression  {100 * regression.accuracy:.1f} % right on the"
            f" {regression.num_inside:,} places inside and {regression.num_outside:,}"
            " outside that it was fitted to",
            f"change      {100 * outcome.change_inside:.1f} % of the range in boxes,"
            f" {100 * outcome.change_outside:.1f} % outside",
        ]
    )
