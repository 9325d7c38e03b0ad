"""Forgetting an object, for command and page: boxes → maps → samples without it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.latent import object_maps
from dcgan_jax.latent.boxes import Box
from dcgan_jax.latent.object_maps import Places, Regression
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample import draw as sampling
from dcgan_jax.sample.draw import Sampler
from dcgan_jax.sample.numbered import Samples
from dcgan_jax.system import errors


class Fitted(NamedTuple):
    """Feature maps that draw what is in boxes, and samples to see it on.

    Attributes:
        layer: name of the convolution.
        regression: that weighs its maps.
        boxes: that it was fitted to, pixels.
        shown: numbers of the samples to see it on.
        before: uint8 (count, height, width, channels), these with all maps.
    """

    layer: str
    regression: Regression
    boxes: tuple[Box, ...]
    shown: tuple[int, ...]
    before: np.ndarray

    @property
    def num_positive(self) -> int:
        """How many feature maps have a positive weight: all that may be dropped."""
        return int((self.regression.weights > 0).sum())


class Forgotten(NamedTuple):
    """The samples shown without some maps.

    Attributes:
        dropped: bool (maps,), set to 0 everywhere.
        after: uint8 (count, height, width, channels).
        change_inside: mean absolute change of pixels in boxes, share of the range.
        change_outside: of the others of the same images; NaN where there are none.
    """

    dropped: np.ndarray
    after: np.ndarray
    change_inside: float
    change_outside: float


def fit_maps(
    samples: Samples,
    boxes: Sequence[Box],
    *,
    layer: str | None,
    seed: int,
    shown: Sequence[int],
    sampler: Sampler | None = None,
) -> Fitted:
    """Learn which feature maps draw what is in the boxes.

    Args:
        samples: numbered as in `boxes` and `shown`.
        boxes: in pixels of the images.
        layer: name of the convolution; None: the paper's.
        seed: of the choice of the places outside.
        shown: numbers of the samples to see it on.
        sampler: the compiled generator, where there is one already.

    Raises:
        InputError: if there is no such layer, the boxes leave nothing outside, or no
            map is stronger inside than outside.
    """
    settled = settle_layer(samples.loaded, layer)
    regression = learn_maps(samples, boxes, layer=settled, seed=seed)
    object_maps.choose_dropped(regression.weights, num_dropped=None)  # or there is none
    draw = make_drawer(samples.take(shown), layer=settled, sampler=sampler)
    before = draw(np.zeros(len(regression.weights), bool))
    return Fitted(settled, regression, tuple(boxes), tuple(shown), before)


def forget(
    fitted: Fitted,
    samples: Samples,
    *,
    num_dropped: int | None,
    sampler: Sampler | None = None,
) -> Forgotten:
    """Draw the samples shown without the maps of largest weight.

    Args:
        fitted: the maps.
        samples: those that they were fitted to.
        num_dropped: how many; None: all of positive weight.
        sampler: the compiled generator, where there is one already.

    Raises:
        InputError: if fewer maps have a positive weight.
    """
    weights = fitted.regression.weights
    dropped = object_maps.choose_dropped(weights, num_dropped=num_dropped)
    shown = samples.take(fitted.shown)
    after = make_drawer(shown, layer=fitted.layer, sampler=sampler)(dropped)
    return Forgotten(dropped, after, *measure_shown(fitted, after))


def measure_shown(fitted: Fitted, after: np.ndarray) -> tuple[float, float]:
    """Compare those of the samples shown that have boxes with what became of them.

    Returns:
        As `object_maps.measure_change`.
    """
    boxed = {box.sample for box in fitted.boxes}
    rows = [row for row, number in enumerate(fitted.shown) if number in boxed]
    numbers = [fitted.shown[row] for row in rows]
    seen = [box for box in fitted.boxes if box.sample in numbers]
    inside = object_maps.mark_pixels(seen, numbers, image_size=after.shape[1])
    return object_maps.measure_change(fitted.before[rows], after[rows], inside)


def settle_layer(loaded: LoadedGenerator, layer: str | None) -> str:
    """Return the convolution whose maps are meant.

    Args:
        loaded: the generator.
        layer: its name; None: the paper's.

    Raises:
        InputError: if the generator has no such, or none whose maps can be dropped.
    """
    known = models.list_hidden_convolutions(loaded.network)
    if layer is None:
        return object_maps.find_default_layer(known)
    if layer not in known:
        raise errors.InputError(
            f"--layer={layer}; the hidden convolutions of this generator are"
            f" {', '.join(known)}, the highest last."
        )
    return layer


def learn_maps(
    samples: Samples, boxes: Sequence[Box], *, layer: str, seed: int
) -> Regression:
    """Learn which feature maps draw what is in the boxes.

    Args:
        samples: numbered as in the boxes.
        boxes: in pixels of the images.
        layer: name of the convolution.
        seed: of the choice of the places outside.

    Raises:
        InputError: if the boxes leave nothing outside.
    """
    read = sampling.make_map_reader(samples.loaded.network, layer)
    numbers = sorted({box.sample for box in boxes})
    image_size = samples.loaded.config.image_size
    features, flags = [], []
    places: Places | None = None
    for start in range(0, len(numbers), sampling.BLOCK):
        block = numbers[start : start + sampling.BLOCK]
        part = samples.take(block)
        maps = read(part.loaded.variables, part.latents, part.labels)
        if places is None:
            marked = object_maps.mark_positions(
                boxes, map_size=maps.shape[1], image_size=image_size
            )
            places = object_maps.choose_places(marked, np.random.default_rng(seed))
        here = np.isin(places.samples, block)
        rows = np.searchsorted(block, places.samples[here])
        features.append(maps[rows, places.rows[here], places.columns[here]])
        flags.append(places.inside[here])
    return object_maps.fit_regression(np.concatenate(features), np.concatenate(flags))


def make_drawer(
    samples: Samples, *, layer: str, sampler: Sampler | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what draws samples without some feature maps.

    Args:
        samples: what to draw.
        layer: name of the convolution.
        sampler: the compiled generator; None: it is compiled here.

    Returns:
        bool (maps,), those to set to 0 everywhere → uint8 (count, height, width,
        channels).
    """
    loaded = samples.loaded
    compiled = sampler or sampling.make_sampler(loaded.network)

    def draw(dropped: np.ndarray) -> np.ndarray:
        masks = {layer: jnp.asarray(~dropped, jnp.float32)} if dropped.any() else None
        return compiled(
            loaded.variables, samples.latents, samples.labels, feature_masks=masks
        )

    return draw
