"""M1 + KNN: nearest neighbours among a variational autoencoder's latents (65.63 %).

python experiments/rivals/m1_knn.py --target=svhn --labels_per_class=100 --draws=10 \
    --num_m1_steps=200000

M1 learns latents of all images without labels; an image gets the label of the labelled
images whose mean latents are nearest. Nearest neighbours on pixels stand beside it.
Cost: a minute small, on two CPU cores; half an hour on a GPU in full. Expected on SVHN,
with 1,000 labels: 65.63 ± 0.15 % test error, and 77.93 ± 0.08 % on pixels.

Source: Kingma, Rezende, Mohamed & Welling 2014, "Semi-supervised learning with deep
generative models"; see variational.py. The number of neighbours is chosen on held-out
images, as in `dcgan features --method=neighbours`.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcgan_jax import cli
from dcgan_jax.data.batches import Batch
from dcgan_jax.features import neighbours, protocols
from experiments.rivals import images as rivals, variational
from experiments.rivals.images import Labelled


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    images = rivals.open_images(flags)
    codes, bound = encode_by_m1(images, flags)
    numbers: dict[str, Any] = {"m1_bound": bound}
    for name, data in (("m1", codes), ("pixels", images)):
        numbers[name] = measure(data, flags)
        print(f"{name}: {100 * numbers[name]['error_mean']:.2f} % test error")
    rivals.save(
        "m1_knn",
        images,
        flags,
        what="test error of nearest neighbours among M1's latents with few labels",
        protocol=f"{flags.labels_per_class} labels a class, {flags.draws} draws; M1"
        f" {flags.num_m1_steps:,} steps of {variational.BATCH}; the number of"
        " neighbours by the held-out images",
        numbers=numbers,
    )
    return 0


def encode_by_m1(images: Labelled, flags: argparse.Namespace) -> tuple[Labelled, float]:
    """Train M1 on the images to learn from; return all as mean latents, and its bound.

    Args:
        images: the images.
        flags: those of `variational.add_flags`.
    """
    likelihood = variational.choose_likelihood(images.test.images.shape[-1])
    m1 = variational.train_m1(
        rivals.as_unit(images.train.images), flags, likelihood=likelihood
    )

    def encode(part: Batch) -> Batch:
        return Batch(
            np.asarray(m1.encode(rivals.as_unit(part.images)).mean), part.labels
        )

    parts = [encode(part) for part in (images.train, images.valid, images.test)]
    coded = Labelled(images.name, *parts, class_names=images.class_names)
    return coded, m1.bound


def measure(data: Labelled, flags: argparse.Namespace) -> dict[str, Any]:
    """Classify by neighbours, for every draw of the labels."""
    outcomes = []
    for draw in range(flags.draws):
        rows = protocols.draw_rows(
            rivals.labels_of(data.train), flags.labels_per_class,
            seed=(flags.seed, draw),
        )  # fmt: skip
        drawn = rivals.take(data.train, rows)
        outcomes.append(neighbours.classify(drawn, data.valid, data.test))
    errors = [outcome.test_error for outcome in outcomes]
    return {
        "error_mean": float(np.mean(errors)),
        "errors": errors,
        "num_neighbours": [outcome.num_neighbours for outcome in outcomes],
    }


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of M1 and of the draws."""
    variational.add_flags(parser)
    add = parser.add_argument
    add("--labels_per_class", type=int, default=10)
    add("--draws", type=int, default=3)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = rivals.make_parser(__doc__)
    add_flags(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
