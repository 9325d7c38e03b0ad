"""From the numbers of exemplars to the images of Fig. 7 and 8."""

from typing import NamedTuple

import numpy as np

from dcgan_jax.gan import keys
from dcgan_jax.latent import picks, pictures, vectors
from dcgan_jax.latent.picks import Groups
from dcgan_jax.sample.numbered import NumberedGenerator

# A vector's length is compared with that of so many latents at least.
_LEAST_LATENTS = 64


class Sum(NamedTuple):
    """A − B + C of mean latents.

    Attributes:
        picture: uint8 (height, width, channels), laid out as Fig. 7.
        length: as a multiple of the root mean square one of samples' latents.
        expected_length: the same on average for independent exemplars.
    """

    picture: np.ndarray
    length: float
    expected_length: float


class Turn(NamedTuple):
    """New samples moved along an axis.

    Attributes:
        images: uint8 (rows, columns, height, width, channels).
        numbers: of the samples, one a row.
        positions: (columns,) on the axis, from −1 to 1.
        length: of the axis, as a multiple of the root mean square one of latents.
    """

    images: np.ndarray
    numbers: tuple[int, ...]
    positions: np.ndarray
    length: float


def add_concepts(
    generator: NumberedGenerator,
    groups: Groups,
    *,
    noise: float,
    scale: int | None = None,
) -> Sum:
    """Add and subtract concepts (Fig. 7).

    Args:
        generator: of the samples.
        groups: with the names of `picks.ARITHMETIC`, none of them empty.
        noise: the result's neighbours differ by uniform noise in ± this.
        scale: see `pictures.draw_arithmetic`.
    """
    latents = _read_latents(generator, groups)
    sets = [generator.pick(numbers) for numbers in groups.values()]
    means = [vectors.average(rows) for rows in sets]
    centre = vectors.combine(*means)
    key = keys.make_key(generator.seed, keys.Purpose.NEIGHBOURS)
    results = generator.draw(vectors.surround(centre, key, scale=noise))
    exemplars = [generator.draw(rows) for rows in sets]
    averages = [vectors.average(images) for images in exemplars]
    concepts = [
        pictures.Concept(
            numbers,
            images,
            generator.draw(mean[None])[0],
            vectors.to_pixels(average),
        )
        for numbers, images, mean, average in zip(
            groups.values(), exemplars, means, averages, strict=True
        )
    ]
    in_pixels = vectors.to_pixels(vectors.combine(*averages))
    return Sum(
        pictures.draw_arithmetic(concepts, results, in_pixels, scale=scale),
        vectors.compare_length(centre, latents),
        vectors.expect_length([len(rows) for rows in sets]),
    )


def turn_samples(
    generator: NumberedGenerator, groups: Groups, *, rows: int, columns: int
) -> Turn:
    """Move the first samples that are no exemplars along an axis (Fig. 8).

    Args:
        generator: of the samples.
        groups: with the names of `picks.TURN`, none of them empty.
        rows: samples.
        columns: positions from −1 to 1.
    """
    latents = _read_latents(generator, groups, more=rows)
    vector = vectors.make_turn(
        *(vectors.average(generator.pick(group)) for group in groups.values())
    )
    picked = {number for numbers in groups.values() for number in numbers}
    new = [row for row in range(len(latents)) if row not in picked][:rows]
    positions = np.linspace(-1.0, 1.0, columns)
    images = generator.draw(vectors.move_along(latents[new], vector, positions))
    length = vectors.compare_length(vector, latents)
    return Turn(images, tuple(new), positions, length)


def _read_latents(
    generator: NumberedGenerator, groups: Groups, *, more: int = 0
) -> np.ndarray:
    """Draw the latents of all samples in groups, and enough for some new ones."""
    picked = [number for numbers in groups.values() for number in numbers]
    count = 1 + max((n for n in picked if n <= picks.MAX_NUMBER), default=0)
    return generator.latents(max(count, len(picked) + more, _LEAST_LATENTS))
