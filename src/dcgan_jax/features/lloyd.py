"""Lloyd's algorithm for K-means, as Coates, Lee & Ng 2011 run it (run_kmeans.m)."""

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.system import backend, progress

Array = jax.Array

MAX_ITERATIONS = 50  # kmeans_demo.m
_BLOCK_POINTS = 2000


def cluster(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Move centroids by Lloyd's algorithm, at most `MAX_ITERATIONS` times.

    A centroid without points becomes the zero vector, as in run_kmeans.m, where it
    competes for the points that no other is near to.

    Args:
        points: float32 (n, d).
        centroids: float32 (k, d), the first ones.

    Returns:
        float32 (k, d).
    """
    num_blocks = -(-len(points) // _BLOCK_POINTS)
    padded = np.zeros((num_blocks * _BLOCK_POINTS, points.shape[1]), np.float32)
    padded[: len(points)] = points
    blocks = jnp.asarray(padded.reshape(num_blocks, _BLOCK_POINTS, -1))
    find_nearest = backend.jit(_find_nearest)
    with progress.track(
        f"learning {len(centroids):,} centroids", MAX_ITERATIONS, unit="iterations"
    ) as advance:
        for number in range(MAX_ITERATIONS):
            nearest = np.asarray(find_nearest(blocks, centroids)).ravel()[: len(points)]
            moved = _average(points, nearest, num_groups=len(centroids))
            if np.array_equal(moved, centroids):
                advance(MAX_ITERATIONS - number)
                break
            centroids = moved
            advance(1)
    return centroids


def _find_nearest(blocks: Array, centroids: Array) -> Array:
    """Return which centroid (k, d) is nearest: (blocks, block, d) → (blocks, block)."""
    half_squares = 0.5 * jnp.square(centroids).sum(1)[None]

    def find(points: Array) -> Array:
        products = jnp.matmul(points, centroids.T, precision="highest")
        return (products - half_squares).argmax(1)

    return jax.lax.map(find, blocks)


def _average(points: np.ndarray, groups: np.ndarray, *, num_groups: int) -> np.ndarray:
    """Return the mean of each group's points; 0 where a group has none.

    Args:
        points: float32 (n, d).
        groups: int (n,), of each point.
        num_groups: k.
    """
    from scipy import sparse

    counts = np.bincount(groups, minlength=num_groups)
    members = sparse.csr_matrix(
        (np.ones(len(points), np.float32), groups, np.arange(len(points) + 1)),
        shape=(len(points), num_groups),
    )
    means = (members.T @ points) / np.maximum(counts, 1)[:, None]
    return means.astype(np.float32)
