"""Samples with and without the feature maps that draw what is boxed (§6.3.1)."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from dcgan_jax.explore.session import Session
from dcgan_jax.explore.subject import Subject
from dcgan_jax.latent import object_maps, samples as dropping
from dcgan_jax.latent.boxes import Box
from dcgan_jax.latent.object_maps import Regression
from dcgan_jax.sample import numbered
from dcgan_jax.sample.numbered import Samples
from dcgan_jax.system import errors

NUM_SHOWN = 24
_MOST_BOXED = 8  # of the samples shown


class Fitted(NamedTuple):
    """Feature maps that draw an object.

    Attributes:
        samples: the numbers to compare: some with boxes, then others.
        before: uint8 (count, height, width, channels), with all maps.
        boxes: that the maps were fitted to, pixels.
        layer: of the maps.
        regression: that weighs them.
        session: of the samples.
    """

    samples: list[int]
    before: np.ndarray
    boxes: tuple[Box, ...]
    layer: str
    regression: Regression
    session: Session

    @property
    def num_positive(self) -> int:
        """How many feature maps have a positive weight: all that may be dropped."""
        return int((self.regression.weights > 0).sum())


def fit(subject: Subject, session: Session, layer: str | None) -> Fitted:
    """Learn which feature maps draw what is in the boxes.

    Args:
        subject: the generator.
        session: with boxes.
        layer: name of the convolution; None: the paper's.

    Raises:
        InputError: if there are no boxes, or no map is stronger inside than outside.
    """
    if not session.boxes:
        raise errors.InputError("draw a box around the object first.")
    settled = dropping.settle_layer(subject.require(), layer)
    count = 1 + max(box.sample for box in session.boxes)
    regression = dropping.learn(
        _draw_samples(subject, session, count),
        session.boxes,
        layer=settled,
        seed=session.seed,
    )
    object_maps.choose_dropped(
        regression.weights, num_dropped=None
    )  # or there are none
    numbers = choose_shown(session.boxes)
    samples = _draw_samples(subject, session, 1 + max(numbers)).take(numbers)
    before = subject.sampler(samples.loaded.variables, samples.latents, samples.labels)
    return Fitted(numbers, before, session.boxes, settled, regression, session)


def choose_shown(boxes: Sequence[Box]) -> list[int]:
    """Return the numbers of samples to compare: some with boxes, then others."""
    boxed = sorted({box.sample for box in boxes})
    others = (number for number in range(len(boxed) + NUM_SHOWN) if number not in boxed)
    shown = boxed[:_MOST_BOXED]
    return shown + [next(others) for _ in range(NUM_SHOWN - len(shown))]


def draw(subject: Subject, fitted: Fitted, num_dropped: int) -> np.ndarray:
    """Draw the samples without the feature maps of largest weight.

    Args:
        subject: the generator.
        fitted: the maps.
        num_dropped: from 0 to `num_positive`.

    Returns:
        uint8 (count, height, width, channels).
    """
    weights = fitted.regression.weights
    dropped = np.zeros(len(weights), bool)
    if num_dropped:
        dropped = object_maps.choose_dropped(weights, num_dropped=num_dropped)
    numbers = fitted.samples
    samples = _draw_samples(subject, fitted.session, 1 + max(numbers)).take(numbers)
    return subject.sampler(
        samples.loaded.variables,
        samples.latents,
        samples.labels,
        feature_masks={fitted.layer: jnp.asarray(~dropped, jnp.float32)},
    )


def measure(fitted: Fitted, after: np.ndarray) -> tuple[float, float]:
    """Return the mean change in boxes and elsewhere, see `measure_change`."""
    boxed = {box.sample for box in fitted.boxes}
    rows = [row for row, number in enumerate(fitted.samples) if number in boxed]
    shown = [fitted.samples[row] for row in rows]
    inside = object_maps.mark_pixels(
        [box for box in fitted.boxes if box.sample in shown],
        shown,
        image_size=after.shape[1],
    )
    return object_maps.measure_change(fitted.before[rows], after[rows], inside)


def _draw_samples(subject: Subject, session: Session, count: int) -> Samples:
    return numbered.choose(
        subject.require(), count=count, seed=session.seed, label=session.label
    )
