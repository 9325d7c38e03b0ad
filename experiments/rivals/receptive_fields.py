"""K-means in three layers with learned receptive fields (Table 1, 82.0 %).

python experiments/rivals/receptive_fields.py --target=cifar10 --labels_per_class=400 \
    --num_first=1600 --num_groups=32 --group_size=200 --num_centroids=100

The first layer is K-means of patches. A later layer clusters groups of features of the
layer below, each of which holds the features whose energies are most alike. Cost: some
minutes small, on two CPU cores; at full size hours, and 4 GB. Expected on CIFAR-10:
82.0 %, and 70.7 ± 0.7 % with 400 labels a class.

Source: Coates & Ng 2011, "Selecting receptive fields in deep networks": the similarity
of two features is the correlation of their squares after the pair is whitened; a group
is a random feature with those most similar to it; a later layer sees 2×2 places.

Differs from theirs: every layer encodes by distances as the first layer of Coates, Lee
& Ng 2011 does, where theirs have a threshold; the averages between layers are over 3×3
and 2×2 places; the SVM sees the sums over quadrants of all layers.
"""

import argparse
import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import cli
from dcgan_jax.features import extract, kmeans, lloyd
from dcgan_jax.features.kmeans import Codebook
from dcgan_jax.system import backend
from experiments.rivals import images as rivals

Array = jax.Array
WINDOW = 2  # places on a side that a later layer sees


class Layer(NamedTuple):
    """A later layer: groups of features, each with its own codebook.

    Attributes:
        fields: int (groups, size), the features of each group.
        means: (groups, d), d = 4 size: place by place, in a place feature by feature.
        whitenings: (groups, d, d).
        centroids: (groups, k, d).
    """

    fields: np.ndarray
    means: np.ndarray
    whitenings: np.ndarray
    centroids: np.ndarray


class Sizes(NamedTuple):
    """The sizes of later layers.

    Attributes:
        num_groups: of features.
        group_size: the number of features in a group.
        num_centroids: of each group.
        num_windows: what a layer is learnt from.
    """

    num_groups: int
    group_size: int
    num_centroids: int
    num_windows: int


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    images = rivals.open_images(flags)
    learnt = images.whole_train.images
    first = kmeans.learn(
        learnt, num_centroids=flags.num_first, num_patches=flags.num_patches,
        patch_size=flags.patch_size, first="normal", seed=flags.seed,
    )  # fmt: skip
    sizes = Sizes(
        flags.num_groups, flags.group_size, flags.num_centroids, flags.num_windows
    )
    layers: list[Layer] = []
    for pool in flags.pools:
        below = make_encoder(
            first, layers, flags.pools, read=Read(pool, quarters=False)
        )
        rng = np.random.default_rng((flags.seed, 3 + len(layers)))
        layers.append(learn_layer(learnt, below, sizes, rng))
        print(f"layer {1 + len(layers)} learnt", flush=True)
    encode = make_encoder(first, layers, flags.pools)
    numbers = rivals.score_features(
        images, lambda batch: extract.in_batches(encode, batch), flags
    )
    rivals.save(
        "receptive_fields",
        images,
        flags,
        what="accuracy by three layers of K-means with learned receptive fields",
        protocol=f"{flags.num_first} centroids, then {len(layers)} layers of"
        f" {flags.num_groups} groups of {flags.group_size} features with"
        f" {flags.num_centroids} centroids each; sums over quadrants of all layers;"
        " linear L2-SVM, C by the held-out images",
        numbers=numbers,
    )
    return 0


def find_similarities(values: np.ndarray) -> np.ndarray:
    """Return how alike the energies of features are.

    Args:
        values: (n, features), none of which is constant.

    Returns:
        float64 (features, features). Of two features z, w that are whitened as a pair
        it is E[z² w² − 1] / √(E[z⁴ − 1] E[w⁴ − 1]); 1 on the diagonal.
    """
    z = values - values.mean(0, dtype=np.float64)
    z /= np.sqrt(np.square(z).mean(0))
    count = len(z)
    correlations = np.clip(z.T @ z / count, -1 + 1e-6, 1 - 1e-6)
    # The ZCA of a pair of correlation c is [[a, b], [b, a]].
    plus, minus = 1 / np.sqrt(1 + correlations), 1 / np.sqrt(1 - correlations)
    a, b = (plus + minus) / 2, (plus - minus) / 2
    squares = z**2
    fourth = np.broadcast_to((squares**2).mean(0)[:, None], a.shape)
    two_two = squares.T @ squares / count
    three_one = (squares * z).T @ z / count
    one_three = three_one.T
    both = (
        (a * b) ** 2 * (fourth + fourth.T + 2 * two_two)
        + (a**2 + b**2) ** 2 * two_two
        + 2 * a * b * (a**2 + b**2) * (three_one + one_three)
    )
    own = (
        a**4 * fourth + 4 * a**3 * b * three_one + 6 * (a * b) ** 2 * two_two
        + 4 * a * b**3 * one_three + b**4 * fourth.T
    )  # fmt: skip
    found = (both - 1) / np.sqrt(np.maximum((own - 1) * (own.T - 1), 1e-12))
    np.fill_diagonal(found, 1.0)
    return found


def choose_groups(
    similarities: np.ndarray, sizes: Sizes, rng: np.random.Generator
) -> np.ndarray:
    """Return the features of each group, int (groups, size); a seed is its first."""
    seeds = rng.choice(len(similarities), sizes.num_groups, replace=False)
    own = similarities[seeds].copy()
    own[np.arange(len(seeds)), seeds] = np.inf
    return np.argsort(-own, axis=1, kind="stable")[:, : sizes.group_size]


def learn_layer(
    images: np.ndarray,
    below: Callable[[np.ndarray], Array],
    sizes: Sizes,
    rng: np.random.Generator,
) -> Layer:
    """Group the features below, and cluster the windows of each group.

    Args:
        images: uint8 (n, height, width, channels).
        below: images → (n, rows, columns, features).
        sizes: the layer's.
        rng: draws the windows and the groups.
    """
    windows = draw_windows(images, below, sizes.num_windows, rng)
    values = windows[:, 0]
    # A feature that never speaks is like no other.
    speaks = np.flatnonzero(values.std(0) > 0)
    fields = speaks[choose_groups(find_similarities(values[:, speaks]), sizes, rng)]
    learnt = []
    for group in fields:
        own = windows[:, :, group].reshape(len(windows), -1)
        mean, whitening = kmeans.fit_whitening(own)
        whitened = (own - mean) @ whitening
        shape = (sizes.num_centroids, whitened.shape[1])
        begin = rng.normal(0.0, kmeans.FIRST_DEVIATION, shape).astype(np.float32)
        learnt.append((mean, whitening, lloyd.cluster(whitened, begin)))
    return Layer(fields, *map(np.stack, zip(*learnt, strict=True)))


def draw_windows(
    images: np.ndarray,
    below: Callable[[np.ndarray], Array],
    count: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw windows of features at random places, (count, 4, features)."""
    drawn = []
    rows = np.arange(count) * len(images) // count
    for start in range(0, len(images), extract.BATCH):
        own = rows[(rows >= start) & (rows < start + extract.BATCH)] - start
        part = images[start : start + extract.BATCH]
        maps = extract.in_batches(below, part)
        tops, lefts = (rng.integers(maps.shape[1] - 1, size=len(own)) for _ in "xy")
        places = [
            maps[own, tops + down, lefts + right]
            for down in range(WINDOW)
            for right in range(WINDOW)
        ]
        drawn.append(np.stack(places, axis=1))
    return np.concatenate(drawn)


class Read(NamedTuple):
    """What an encoder returns: the last maps, averaged, or the sums over quadrants."""

    pool: int = 1
    quarters: bool = True


ALL = Read()


def make_encoder(
    first: Codebook, layers: Sequence[Layer], pools: Sequence[int], read: Read = ALL
) -> Callable[[np.ndarray], Array]:
    """Compile the features of the layers that there are.

    Args:
        first: the codebook of the first layer.
        layers: the later ones.
        pools: the sides of the blocks that are averaged before each later layer.
        read: what is returned of a batch of uint8 images.
    """

    def encode(first: tuple[Array, ...], layers: list[Layer], images: Array) -> Array:
        maps = encode_first(*first, images, patch_size=patch_size)
        found = [sum_quadrants(maps)]
        for layer, pool in zip(layers, pools, strict=False):
            maps = encode_layer(layer, average_blocks(maps, pool))
            found.append(sum_quadrants(maps))
        if read.quarters:
            return jnp.concatenate(found, axis=1)
        return average_blocks(maps, read.pool)

    patch_size = first.patch_size
    arrays = [first.mean, first.whitening, first.centroids]
    return functools.partial(backend.jit(encode), arrays, list(layers))


def encode_first(
    mean: Array, whitening: Array, centroids: Array, images: Array, *, patch_size: int
) -> Array:
    """Encode every patch: uint8 (n, …, channels) → (n, rows, columns, k)."""
    patches = kmeans.cut_patches(images.astype(jnp.float32), patch_size)
    normal = kmeans.normalise_contrast(patches)
    whitened = jnp.matmul(
        normal - mean[None, None, None], whitening, precision="highest"
    )
    return activate(whitened, centroids)


def encode_layer(layer: Layer, maps: Array) -> Array:
    """Encode every window: (n, s, s, features) → (n, s − 1, s − 1, groups · k)."""
    windows = jnp.stack(
        [
            maps[:, down : maps.shape[1] - 1 + down, right : maps.shape[2] - 1 + right]
            for down in range(WINDOW)
            for right in range(WINDOW)
        ],
        axis=3,
    )

    def encode(group: tuple[Array, ...]) -> Array:
        fields, mean, whitening, centroids = group
        own = windows[..., fields].reshape(*windows.shape[:3], -1)
        centred = own - mean[None, None, None]
        return activate(jnp.matmul(centred, whitening, precision="highest"), centroids)

    groups = jax.lax.map(encode, tuple(layer))
    return jnp.moveaxis(groups, 0, 3).reshape(*windows.shape[:3], -1)


def activate(points: Array, centroids: Array) -> Array:
    """Return max(0, mean distance − distance) to each centroid: (…, d) → (…, k)."""
    products = jnp.matmul(points, centroids.T, precision="highest")
    squares = jnp.square(points).sum(-1, keepdims=True) - 2.0 * products
    lengths = jnp.square(centroids).sum(1).reshape((1,) * (points.ndim - 1) + (-1,))
    distances = jnp.sqrt(jnp.maximum(squares + lengths, 0.0))
    return jnp.maximum(distances.mean(-1, keepdims=True) - distances, 0.0)


def average_blocks(maps: Array, side: int) -> Array:
    """Average blocks of side × side places; what is left over at the end is cut."""
    rows, columns = (size // side for size in maps.shape[1:3])
    cut = maps[:, : rows * side, : columns * side]
    return cut.reshape(len(maps), rows, side, columns, side, -1).mean((2, 4))


def sum_quadrants(maps: Array) -> Array:
    """Sum over quadrants: (n, rows, columns, features) → (n, 4 features)."""
    parts = jax.vmap(kmeans.cut_quadrants)(maps)
    return jnp.concatenate([part.sum((1, 2)) for part in parts], axis=1)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = rivals.make_parser(__doc__)
    rivals.add_scores(parser)
    add = parser.add_argument
    add("--num_first", type=int, default=200, help="centroids of the first layer")
    add("--patch_size", type=int, default=kmeans.PATCH_SIZE)
    add("--num_patches", type=int, default=50_000)
    add("--num_groups", type=int, default=8)
    add("--group_size", type=int, default=40)
    add("--num_centroids", type=int, default=40, help="of each group")
    add("--num_windows", type=int, default=20_000)
    add("--pools", type=int, nargs=2, default=(3, 2))
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
