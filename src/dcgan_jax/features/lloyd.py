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
    counted = np.arange(len(padded)).reshape(num_blocks, -1) < len(points)
    move = backend.jit(_move_centroids)
    with progress.track(
        f"learning {len(centroids):,} centroids", MAX_ITERATIONS, unit="iterations"
    ) as advance:
        for number in range(MAX_ITERATIONS):
            moved = np.asarray(move(blocks, counted, centroids))
            if np.array_equal(moved, centroids):
                advance(MAX_ITERATIONS - number)
                break
            centroids = moved
            advance(1)
    return centroids


def _move_centroids(blocks: Array, counted: Array, centroids: Array) -> Array:
    """Return the mean of the points that are nearest to each centroid.

    Args:
        blocks: (blocks, block, d) points.
        counted: bool (blocks, block), which of them are points.
        centroids: (k, d).
    """
    half_squares = 0.5 * jnp.square(centroids).sum(1)[None]
    num_centroids = len(centroids)

    def add(
        totals: tuple[Array, Array], block: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], None]:
        points, is_point = block
        nearness = jnp.matmul(points, centroids.T, precision="highest") - half_squares
        nearest = jnp.where(is_point, nearness.argmax(1), num_centroids)
        ones = jnp.ones((len(points), 1))
        sums = jax.ops.segment_sum(
            jnp.concatenate([points, ones], axis=1), nearest, num_centroids + 1
        )
        return (totals[0] + sums[:-1, :-1], totals[1] + sums[:-1, -1:]), None

    zeros = (jnp.zeros_like(centroids), jnp.zeros((num_centroids, 1)))
    (sums, counts), _ = jax.lax.scan(add, zeros, (blocks, counted))
    return sums / jnp.maximum(counts, 1.0)
