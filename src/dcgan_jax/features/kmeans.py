"""Features of one layer of K-means, the baseline of Table 1 (80.6 %, 4800 units).

Random patches, normalised for contrast and whitened, are clustered; an image is encoded
by how near its patches are to each centroid, summed over the quadrants of the image.

Source: Coates, Lee & Ng 2011, "An analysis of single-layer networks in unsupervised
feature learning", and the code that they released (kmeans_demo.m, extract_features.m).
"""

import functools
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.features import lloyd
from dcgan_jax.system import backend, errors

Array = jax.Array
FirstCentroids = Literal["normal", "patches"]
_Values = TypeVar("_Values", np.ndarray, jax.Array)

PATCH_SIZE = 6  # kmeans_demo.m, rfSize
NUM_PATCHES = 400_000  # kmeans_demo.m
CONTRAST_OFFSET = 10.0  # kmeans_demo.m; grey levels²
WHITENING_OFFSET = 0.1  # kmeans_demo.m
VARIANCE_OFFSET = 0.01  # kmeans_demo.m, trainXC_sd
FIRST_DEVIATION = 0.1  # run_kmeans.m
# The features that are in memory at once while their statistics are measured.
_BLOCK_BYTES = 64 << 20


class Codebook(NamedTuple):
    """The arrays that an encoder needs.

    A patch is a vector of d = patch_size² · channels values: row by row, in a row pixel
    by pixel, in a pixel channel by channel.

    Attributes:
        mean: (d,), the mean patch after contrast normalisation.
        whitening: (d, d), symmetric.
        centroids: (k, d), the centroids of whitened patches.
        patch_size: the side of a patch, in pixels.
    """

    mean: np.ndarray
    whitening: np.ndarray
    centroids: np.ndarray
    patch_size: int


class Standard(NamedTuple):
    """The moments that bring features to mean 0 and one scale; each is (d,) float32."""

    mean: np.ndarray
    deviation: np.ndarray


def learn(
    images: np.ndarray,
    *,
    num_centroids: int,
    num_patches: int,
    patch_size: int,
    first: FirstCentroids,
    seed: int,
) -> Codebook:
    """Cluster random patches.

    Args:
        images: uint8 (n, height, width, channels).
        num_centroids: the number of centroids, k.
        num_patches: the number of patches, which come from the images evenly.
        patch_size: the side of a patch, in pixels.
        first: where clustering begins: at draws from a narrow `normal` distribution
            around 0, as in run_kmeans.m, or at `patches`, as is usual. From patches
            some centroids stay with a few that are far from all others, and accuracy
            is lower (experiments/studies/first_centroids.py).
        seed: the seed of the patches and of the first centroids.

    Raises:
        InputError: if there are fewer patches than centroids, or the images are smaller
            than a patch.
    """
    _check(images, num_centroids, num_patches=num_patches, patch_size=patch_size)
    patches = normalise_contrast(
        _draw_patches(images, num_patches, patch_size=patch_size, seed=seed)
    )
    mean, whitening = fit_whitening(patches)
    whitened = (patches - mean) @ whitening
    rng = np.random.default_rng((seed, 1))
    if first == "normal":
        shape = (num_centroids, patches.shape[1])
        begin = rng.normal(0.0, FIRST_DEVIATION, shape).astype(np.float32)
    else:
        begin = whitened[rng.choice(len(whitened), num_centroids, replace=False)]
    centroids = lloyd.cluster(whitened, begin)
    return Codebook(mean, whitening, centroids, patch_size)


def normalise_contrast(patches: _Values) -> _Values:
    """Bring each patch to mean 0 and about variance 1: (…, d) → (…, d).

    The variance is the unbiased one, as MATLAB's; 10 grey levels² are added to it, so
    that noise in a flat patch is not blown up.
    """
    variance = patches.var(-1, ddof=1, keepdims=True)
    return (patches - patches.mean(-1, keepdims=True)) / (
        variance + CONTRAST_OFFSET
    ) ** 0.5


def fit_whitening(patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit ZCA: (patches − mean) @ whitening has almost uncorrelated values.

    Along a principal axis of variance v the result has variance v / (v + 0.1).

    Args:
        patches: float32 (n, d).

    Returns:
        The mean (d,) and the symmetric whitening (d, d), float32.
    """
    mean = patches.mean(0, dtype=np.float64).astype(np.float32)
    centred = patches - mean
    covariance = (centred.T @ centred).astype(np.float64) / (len(patches) - 1)
    variances, axes = np.linalg.eigh(covariance)
    whitening = axes / np.sqrt(variances + WHITENING_OFFSET) @ axes.T
    return mean, whitening.astype(np.float32)


def make_centroid_encoder(codebook: Codebook) -> Callable[[np.ndarray | Array], Array]:
    """Compile the encoder of a codebook.

    Returns:
        A function of uint8 images (batch, height, width, channels) that returns float32
        (batch, 4 k): for each quadrant of the patches' positions (top left, top right,
        bottom left, bottom right) the sum of each centroid's activations. The first
        half of an odd number of rows or columns takes one more: 32 pixels and 6×6 give
        27 positions, 14 and 13. Each batch size compiles anew. Quadrants pass one after
        another, so that memory holds k activations for each position of one of them.
    """
    encode = backend.jit(functools.partial(_encode, patch_size=codebook.patch_size))
    arrays = (codebook.mean, codebook.whitening, codebook.centroids)
    return functools.partial(encode, *map(jnp.asarray, arrays))


def measure_standard(features: np.ndarray) -> Standard:
    """Measure mean and deviation of each feature, block by block of rows.

    Args:
        features: (n, d), n at least 2; in memory or mapped.

    Returns:
        The means and √(variance + 0.01), where the variance is the unbiased one.
    """
    row_bytes = 8 * features.shape[1]
    block_rows = max(1, _BLOCK_BYTES // row_bytes)
    count, mean, squares = 0, np.zeros(features.shape[1]), np.zeros(features.shape[1])
    for start in range(0, len(features), block_rows):
        block = features[start : start + block_rows].astype(np.float64)
        # The pairwise update of Chan, Golub & LeVeque 1979.
        own_mean = block.mean(0)
        shift, total = own_mean - mean, count + len(block)
        block -= own_mean
        squares += np.einsum("ij,ij->j", block, block)
        squares += shift**2 * (count * len(block) / total)
        mean += shift * (len(block) / total)
        count = total
    deviation = np.sqrt(squares / (count - 1) + VARIANCE_OFFSET)
    return Standard(mean.astype(np.float32), deviation.astype(np.float32))


def standardise(features: np.ndarray, standard: Standard) -> np.ndarray:
    """Bring a block of features (n, d) to mean 0 and the scale of a standard."""
    return (features - standard.mean) / standard.deviation


def _encode(
    mean: Array, whitening: Array, centroids: Array, images: Array, *, patch_size: int
) -> Array:
    # Else XLA cuts the patches anew for every read of the normalisation.
    patches = jax.lax.optimization_barrier(
        cut_patches(images.astype(jnp.float32), patch_size)
    )
    flat = normalise_contrast(patches).reshape(-1, patches.shape[-1])
    whitened = jnp.matmul(flat - mean[None], whitening, precision="highest")
    # Squared distances as one product: (w, |w|², 1) · (−2 c, 1, |c|²).
    points = jnp.concatenate(
        [whitened, _square_rows(whitened), jnp.ones((len(flat), 1))], axis=1
    ).reshape(*patches.shape[:-1], -1)
    codes = jnp.concatenate(
        [-2.0 * centroids, jnp.ones((len(centroids), 1)), _square_rows(centroids)],
        axis=1,
    ).T

    def encode_image(own: Array) -> Array:
        quadrants = cut_quadrants(own)
        return jnp.concatenate([_sum_activations(part, codes) for part in quadrants])

    return jax.lax.map(encode_image, points)


def _sum_activations(points: Array, codes: Array) -> Array:
    """Encode a part of an image: (rows, columns, d + 2), (d + 2, k) → (k,)."""
    flat = points.reshape(-1, points.shape[-1])
    squares = jnp.matmul(flat, codes, precision="highest")
    z = jnp.sqrt(jnp.maximum(squares, 0.0))
    activations = jnp.maximum(z.mean(1, keepdims=True) - z, 0.0)
    # XLA's CPU code multiplies by ones faster than it sums columns.
    return jnp.matmul(jnp.ones((1, len(flat))), activations, precision="highest")[0]


def _square_rows(vectors: Array) -> Array:
    """Return squared lengths: (n, d) → (n, 1)."""
    return jnp.square(vectors).sum(1, keepdims=True)


def cut_patches(images: Array, patch_size: int) -> Array:
    """Return every patch at stride 1: (b, height, width, c) → (b, rows, columns, d)."""
    rows, columns = (side - patch_size + 1 for side in images.shape[1:3])
    shifted = [
        images[:, top : top + rows, left : left + columns]
        for top in range(patch_size)
        for left in range(patch_size)
    ]
    return jnp.concatenate(shifted, axis=-1)


def cut_quadrants(grid: Array) -> list[Array]:
    """Return the quarters of (rows, columns, …), row by row, the first largest."""
    row, column = (-(-side // 2) for side in grid.shape[:2])
    halves = (grid[:row], grid[row:])
    return [part for half in halves for part in (half[:, :column], half[:, column:])]


def _draw_patches(
    images: np.ndarray, count: int, *, patch_size: int, seed: int
) -> np.ndarray:
    """Return float32 (count, d), as many patches from each image."""
    rng = np.random.default_rng(seed)
    num_images, height, width, _ = images.shape
    rows = np.arange(count) * num_images // count
    tops = rng.integers(height - patch_size + 1, size=count)
    lefts = rng.integers(width - patch_size + 1, size=count)
    windows = np.lib.stride_tricks.sliding_window_view(
        images, (patch_size, patch_size), axis=(1, 2)
    )
    drawn = windows[rows, tops, lefts].transpose(0, 2, 3, 1)
    return drawn.reshape(count, -1).astype(np.float32)


def _check(
    images: np.ndarray, num_centroids: int, *, num_patches: int, patch_size: int
) -> None:
    num_images, height, width, channels = images.shape
    if num_images == 0:
        raise errors.InputError("there are no images to draw patches from.")
    if not 1 <= patch_size <= min(height, width):
        raise errors.InputError(
            f"patch_size is {patch_size}, the images are {height}×{width};"
            f" expected 1 to {min(height, width)}."
        )
    if patch_size**2 * channels < 2:
        raise errors.InputError(
            "patches of one grey pixel have no contrast; choose a larger patch_size."
        )
    places = (height - patch_size + 1) * (width - patch_size + 1)
    if num_centroids > (there := num_images * places):
        raise errors.InputError(
            f"--num_centroids={num_centroids}; {num_images} images of {height}×{width}"
            f" have {there:,} patches of {patch_size}×{patch_size}, and no more"
            " centroids than these can be told apart."
        )
    if num_patches < max(num_centroids, 2):
        raise errors.InputError(
            f"{num_patches} patches cannot make {num_centroids} centroids; draw at"
            f" least {max(num_centroids, 2)} patches."
        )
