"""Arithmetic on the latents of exemplars (§6.3.2, Fig. 7 and 8).

A mean of n independent latents is √n times shorter than a latent. A − B + C of means of
three is therefore as long as any sample, where the generator knows its way; of single
exemplars it is √3 times longer, which is one reason why "single samples per concept
were unstable" and "averaging … three" was not.
"""

import math
from collections.abc import Sequence

import jax
import numpy as np

# Around the result: 3 × 3 images, of which the result is the middle one (Fig. 7).
NUM_NEIGHBOURS = 8


def average(rows: np.ndarray) -> np.ndarray:
    """Return the mean of exemplars in float32.

    Args:
        rows: (count, latent_size) latents, or (count, height, width, channels) images;
            count at least 1.
    """
    if not len(rows):
        raise ValueError("a mean needs at least one exemplar")
    return rows.mean(axis=0, dtype=np.float64).astype(np.float32)


def combine(positive: np.ndarray, negative: np.ndarray, add: np.ndarray) -> np.ndarray:
    """Return positive − negative + add.

    "Smiling woman" − "neutral woman" + "neutral man" = "smiling man" (Fig. 7).
    """
    return positive - negative + add


def surround(centre: np.ndarray, key: jax.Array, *, scale: float) -> np.ndarray:
    """Put a point among neighbours with uniform noise.

    Args:
        centre: (latent_size,).
        key: a random key.
        scale: the noise lies in ± scale; 0.25 in Fig. 7.

    Returns:
        (9, latent_size) float32, the fifth of which is the centre.
    """
    shape = (NUM_NEIGHBOURS, centre.size)
    noise = np.asarray(jax.random.uniform(key, shape, minval=-scale, maxval=scale))
    return centre[None] + np.insert(noise, NUM_NEIGHBOURS // 2, 0.0, axis=0)


def to_pixels(values: np.ndarray) -> np.ndarray:
    """Clip and round the result of arithmetic on images to uint8.

    The weights of A − B + C add up to 1, so that grey levels and numbers in [-1, 1]
    give the same image.
    """
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def make_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the vector from one group's mean to another's, "looking left vs right".

    Args:
        source: (latent_size,), the mean of four exemplars in Fig. 8.
        target: (latent_size,).
    """
    return target - source


def move_along(
    latents: np.ndarray, vector: np.ndarray, positions: np.ndarray
) -> np.ndarray:
    """Add multiples of a vector to latents.

    Args:
        latents: (rows, latent_size).
        vector: (latent_size,).
        positions: (columns,) multiples; 0 leaves a latent as it is.

    Returns:
        (rows, columns, latent_size) float32.

    Source: Fig. 8, "adding interpolations along this axis to random samples".
    """
    moves = positions[:, None] * vector[None]
    return (latents[:, None] + moves[None]).astype(np.float32)


def compare_length(vector: np.ndarray, latents: np.ndarray) -> float:
    """Return a vector's length as a multiple of the root mean square one of latents.

    Args:
        vector: (latent_size,).
        latents: (count, latent_size) samples.
    """
    typical = np.sqrt(np.square(latents, dtype=np.float64).sum(axis=1).mean())
    return float(np.linalg.norm(vector) / typical)


def expect_length(counts: Sequence[int]) -> float:
    """Return what `compare_length` gives on average to a sum of means.

    Args:
        counts: exemplars of each mean, all of them independent.
    """
    return math.sqrt(sum(1.0 / count for count in counts))
