"""K-means of patches: first centroids from a narrow Gaussian, or from the patches.

python experiments/studies/first_centroids.py --source=cifar10-part.zip

The released code of Coates, Lee & Ng 2011 draws them from a normal distribution of
deviation 0.1 around 0, where scikit-learn takes some of the patches. Both starts get
the same patches, 50 iterations of Lloyd's algorithm, the same encoder and the same
linear SVM on all labels. Cost: some minutes on two CPU cores for 400 centroids.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from dcgan_jax import cli
from dcgan_jax.config import DataConfig
from dcgan_jax.data import kept_rows, ready
from dcgan_jax.data.store import Store
from dcgan_jax.features import extract, kmeans, protocols
from dcgan_jax.features.protocols import LabelledData, Split, Svm
from experiments import results, trained

GRID = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    train, test = (_open(flags, split) for split in ("train", "test"))
    numbers = {}
    for first in get_args(kmeans.FirstCentroids):
        codebook = kmeans.learn(
            train.rows(np.arange(len(train))).images,
            num_centroids=flags.num_centroids,
            num_patches=flags.num_patches,
            patch_size=kmeans.PATCH_SIZE,
            first=first,
            seed=flags.seed,
        )
        numbers[first] = measure(codebook, train, test, seed=flags.seed)
        told = numbers[first]
        print(f"{first}: {100 * told['accuracy_mean']:.2f} %, C = {told['C']:g}")
    results.save(
        "first_centroids",
        what="accuracy of K-means' features by where clustering begins",
        seed=flags.seed,
        protocol=f"{flags.num_centroids} centroids of {flags.num_patches:,} patches,"
        f" {len(train):,} training and {len(test):,} test images, all labels, C on a"
        " fifth of the training images; centroid_length: quartiles; empty: centroids"
        " that are 0",
        numbers=numbers,
    )
    return 0


def measure(
    codebook: kmeans.Codebook, train: Store, test: Store, *, seed: int
) -> dict[str, Any]:
    """Return the score of a codebook's features, and how long its centroids are."""
    encode = kmeans.make_centroid_encoder(codebook)
    order = np.random.default_rng(seed).permutation(len(train))
    splits = []
    for store, rows in ((train, order), (test, np.arange(len(test)))):
        batch = store.rows(rows)
        assert batch.labels is not None
        splits.append(Split(extract.in_batches(encode, batch.images), batch.labels))
    standard = kmeans.measure_standard(splits[0].features)
    learnt, tested = (
        Split(kmeans.standardise(split.features, standard), split.labels)
        for split in splits
    )
    data = LabelledData(learnt, tested, train.class_names or ())
    lengths = np.linalg.norm(codebook.centroids, axis=1)
    return {
        **protocols.all_labels(data, svm=Svm(grid=GRID)).numbers(),
        "centroid_length": np.quantile(lengths, (0, 0.25, 0.5, 0.75, 1)).tolist(),
        "empty": int((lengths == 0).sum()),
    }


def _open(flags: argparse.Namespace, split: str) -> Store:
    config = DataConfig(
        dataset="folder", source=flags.source, split=split, image_size=32, channels=3,
        data_dir=flags.data_dir,
    )  # fmt: skip
    trained.require(ready.make_ready(config))
    return kept_rows.open_training_store(config)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--source", type=Path, required=True, help="images in train/ and test/")
    add("--data_dir", type=Path, default=Path("data"))
    add("--num_centroids", type=int, default=400)
    add("--num_patches", type=int, default=kmeans.NUM_PATCHES)
    add("--seed", type=int, default=0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
