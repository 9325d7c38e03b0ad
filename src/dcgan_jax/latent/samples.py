"""A generator with and without the feature maps that draw an object."""

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
from dcgan_jax.sample.numbered import Samples
from dcgan_jax.system import errors


class Pairs(NamedTuple):
    """uint8 images (count, height, width, channels) with and without an object."""

    before: np.ndarray
    after: np.ndarray


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


def learn(
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


def make_drawer(samples: Samples, *, layer: str) -> Callable[[np.ndarray], np.ndarray]:
    """Compile the drawing of samples without some feature maps.

    Args:
        samples: what to draw.
        layer: name of the convolution.

    Returns:
        bool (maps,), those to set to 0 everywhere → uint8 (count, height, width,
        channels).
    """
    loaded = samples.loaded
    sampler = sampling.make_sampler(loaded.network)

    def draw(dropped: np.ndarray) -> np.ndarray:
        masks = {layer: jnp.asarray(~dropped, jnp.float32)}
        return sampler(
            loaded.variables, samples.latents, samples.labels, feature_masks=masks
        )

    return draw


def draw_pairs(samples: Samples, *, layer: str, dropped: np.ndarray) -> Pairs:
    """Generate the same latents with and without some feature maps.

    Args:
        samples: what to draw.
        layer: name of the convolution.
        dropped: bool (maps,), set to 0 everywhere.
    """
    draw = make_drawer(samples, layer=layer)
    return Pairs(draw(np.zeros_like(dropped)), draw(dropped))
