"""The n-th sample of a seed: its latent, its label and its image.

Number n of a seed has the same latent in every command and on every machine, however
many samples are drawn. Its label is the one asked for, or the classes take turns.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import keys
from dcgan_jax.models import pixels
from dcgan_jax.runs import load as loading
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample import draw as sampling, labels
from dcgan_jax.system import backend, errors, memory

Array = jax.Array

# The number of images that `SampleStream` draws at once.
_BATCH = 256


class Samples(NamedTuple):
    """Samples of a generator, before they are drawn.

    Attributes:
        loaded: the generator.
        latents: (count, latent_size).
        labels: (count,) int32; None for a generator without classes.
    """

    loaded: LoadedGenerator
    latents: np.ndarray
    labels: np.ndarray | None

    def take(self, numbers: Sequence[int] | np.ndarray) -> "Samples":
        """Return some of them, in this order."""
        rows = np.asarray(numbers, int)
        chosen = None if self.labels is None else self.labels[rows]
        return Samples(self.loaded, self.latents[rows], chosen)


def choose(
    loaded: LoadedGenerator, *, count: int, seed: int, label: int | None = None
) -> Samples:
    """Return the first samples of a seed.

    Args:
        loaded: the generator.
        count: the number of samples.
        seed: the seed of the latents.
        label: the label that all of them have; None: the classes take turns.

    Raises:
        InputError: if the generator knows no such label, or no memory holds so many.
    """
    # Latents and images, and these once more where they are laid out as a picture.
    config = loaded.config
    size = 4 * config.latent_size + 2 * config.image_size**2 * config.channels
    memory.require_memory(count * size, what=f"{count:,} samples")
    chosen = labels.choose(label, num_classes=config.num_classes, count=count)
    return Samples(loaded, draw_latents(loaded.draw_latents, seed, count=count), chosen)


def draw_latents(
    draw: models.DrawLatents,
    seed: int,
    *,
    count: int,
    purpose: keys.Purpose = keys.Purpose.SAMPLES,
) -> np.ndarray:
    """Return the latents of the first samples of a seed, (count, latent_size)."""
    return sampling.draw_first_latents(draw, keys.make_key(seed, purpose), count)


def arrange_grid(
    draw: models.DrawLatents,
    config: TrainConfig,
    *,
    count: int,
    columns: int,
    seed: int,
    purpose: keys.Purpose = keys.Purpose.SAMPLES,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the latents and labels of a picture of samples, a class in each row.

    Args:
        draw: (key, n) → (n, latent_size).
        config: the run's config.
        count: the number of samples of a generator without classes.
        columns: the number of samples of each class.
        seed: the seed of the latents.
        purpose: what the samples are for; those of one purpose are like no other's.
    """
    chosen = None
    if config.num_classes is not None:
        chosen = labels.arrange_labels(config.num_classes, columns=columns)
        count = len(chosen)
    return draw_latents(draw, seed, count=count, purpose=purpose), chosen


class SampleStream:
    """The endless row of a seed's samples, drawn on the device block by block.

    An image may differ from the one of `dcgan_jax.sample` by a grey level here and
    there, since a larger batch rounds differently.

    Args:
        loaded: the generator; where it is conditional, the classes take turns.
        seed: the seed of the latents.
    """

    def __init__(self, loaded: LoadedGenerator, seed: int) -> None:
        self._variables = loaded.variables
        self._key = keys.make_key(seed, keys.Purpose.SAMPLES)
        self._num_classes = loaded.config.num_classes
        self._generate = _compile_stream(loaded)

    def block(self, first: int, count: int) -> Array:
        """Draw uint8 (count, height, width, channels) on the device.

        Args:
            first: the number of the first sample, a multiple of `sampling.BLOCK`.
            count: the number of samples.
        """
        if first % sampling.BLOCK:
            raise ValueError(f"{first} is no multiple of {sampling.BLOCK}")
        batches = [
            self._generate(self._variables, self._key, first + start)
            for start in range(0, count, _BATCH)
        ]
        return jnp.concatenate(batches)[:count]

    def images(self, count: int) -> np.ndarray:
        """Draw the first samples, uint8 (count, height, width, channels)."""
        blocks = [
            np.asarray(self.block(start, min(_BATCH, count - start)))
            for start in range(0, count, _BATCH)
        ]
        return np.concatenate(blocks)

    def labels(self, numbers: np.ndarray) -> np.ndarray:
        """Return the labels of samples by their numbers."""
        if self._num_classes is None:
            raise ValueError("an unconditional generator's samples have no labels")
        return labels.take_turns(numbers, self._num_classes)


def _compile_stream(loaded: LoadedGenerator) -> Callable[..., Array]:
    network = models.for_inference(loaded.network)
    num_classes = loaded.config.num_classes

    def generate(variables: dict[str, Any], key: Array, first: Array) -> Array:
        blocks = first // sampling.BLOCK + jnp.arange(_BATCH // sampling.BLOCK)
        latents = [
            sampling.draw_block(loaded.draw_latents, key, block)
            for block in blocks.astype(jnp.uint32)
        ]
        numbers = first + jnp.arange(_BATCH, dtype=jnp.int32)
        chosen = None
        if num_classes is not None:
            chosen = labels.take_turns(numbers, num_classes)
        images: Array = network.apply(  # type: ignore[assignment]
            variables, jnp.concatenate(latents), chosen, train=False
        )
        return pixels.to_uint8(images, loaded.network.pixel_range)

    compiled: Callable[..., Array] = backend.jit(generate)
    return compiled


@dataclasses.dataclass(frozen=True)
class NumberedGenerator:
    """Draw samples of one class by number, and images of any latents.

    Attributes:
        loaded: the generator.
        seed: the seed of the numbered samples.
        label: the class of every image; None for a generator without classes.
        sampler: the compiled generator.
    """

    loaded: LoadedGenerator
    seed: int
    label: int | None
    sampler: sampling.Sampler

    @property
    def class_name(self) -> str | None:
        """The name of the class; None where it has none but its number."""
        names = labels.own_names(self.loaded.config)
        return None if names is None or self.label is None else names[self.label]

    def latents(self, count: int) -> np.ndarray:
        """Return the latents of the first samples, (count, latent_size)."""
        return draw_latents(self.loaded.draw_latents, self.seed, count=count)

    def pick(self, numbers: Sequence[int]) -> np.ndarray:
        """Return the latents of samples by number, (count, latent_size)."""
        return self.latents(1 + max(numbers))[list(numbers)]

    def draw(self, latents: np.ndarray) -> np.ndarray:
        """Draw images of latents.

        Args:
            latents: (…, latent_size).

        Returns:
            uint8 (…, height, width, channels).
        """
        *lead, size = latents.shape
        rows = latents.reshape(-1, size)
        classes = labels.choose(
            self.label, num_classes=self.loaded.config.num_classes, count=len(rows)
        )
        images = self.sampler(self.loaded.variables, rows, classes)
        return images.reshape(*lead, *images.shape[1:])


def open_generator(
    run: str,
    *,
    weights_dir: Path | None,
    step: int | None,
    seed: int,
    label: str | int | None,
    ema: bool = False,
) -> NumberedGenerator:
    """Load a generator to draw images of one class, if it has classes.

    Args:
        run: the generator, as in `loading.load_generator`.
        weights_dir: the folder of the authors' files.
        step: the checkpoint's step; None: the newest.
        seed: the seed of the numbered samples.
        label: the class, which a conditional generator needs; see `labels.find`.
        ema: whether to take the generator's average.

    Raises:
        MissingInputError: if there is no such generator.
        InputError: if it is damaged, or the label does not suit it.
    """
    loaded = loading.load_generator(run, weights_dir=weights_dir, step=step, ema=ema)
    config = loaded.config
    if config.num_classes is not None and label is None:
        raise errors.InputError(
            f"{run} is conditional; choose the class with --label, which is one of "
            f"{labels.list_known(config)}"
        )
    number = labels.find(label, config)
    sampler = sampling.make_sampler(loaded.network)
    return NumberedGenerator(loaded, seed, number, sampler)
