"""Table 1 and §5.1: CIFAR-10 by the features of a discriminator, and its rivals.

python experiments/paper/table1_cifar10_features.py

Cost: extraction about 5 minutes a network on a GPU and 10 on two CPU cores, the SVM on
50,000 × 28,672 some minutes to half an hour each on two cores; 6 GB of disk a network.
Expected: 82.8 % with all labels and 73.8 ± 0.4 % with 400 a class for the authors'
ImageNet discriminator.

--source takes labelled images of one's own with train/ and test/; their result file is
named after them. --run adds a discriminator of one's own and its random twin.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dcgan_jax import cli
from dcgan_jax.features.config import FeaturesConfig
from experiments.paper import feature_rows


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    base = FeaturesConfig(
        target="cifar10" if flags.source is None else "folder",
        source=flags.source,
        data_dir=flags.data_dir,
        weights_dir=flags.weights_dir,
    )
    name = "table1_cifar10_features"
    if flags.source is not None:
        name += f"_{flags.source.stem.replace('-', '_')}"
    feature_rows.measure(
        name,
        dict(_list_rows(flags, base)),
        what="accuracy on the test images by features, rows of Table 1",
        again=flags.again,
    )
    return 0


def _list_rows(
    flags: argparse.Namespace, base: FeaturesConfig
) -> list[tuple[str, FeaturesConfig]]:
    few = {"labels_per_class": flags.labels_per_class, "draws": flags.draws}
    rows = []
    for key, changes in _list_methods(flags):
        config = dataclasses.replace(base, **changes)
        if config.method == "supervised":
            rows.append((key, config))
            continue
        if config.method != "neighbours":
            drawn = dataclasses.replace(config, **few)
            rows.append((f"{key}_{flags.labels_per_class}_labels", drawn))
        rows.append((f"{key}_all_labels", config))
    return rows


def _list_methods(flags: argparse.Namespace) -> list[tuple[str, dict[str, object]]]:
    layers = flags.num_layers
    imagenet = "authors_imagenet" if layers is None else f"authors_imagenet_{layers}"
    own: list[tuple[str, dict[str, object]]] = []
    if flags.run is not None:
        own = [
            ("own", {"weights": str(flags.run)}),
            ("own_random", {"weights": f"random:{flags.run}"}),
            (
                "supervised_network",
                {
                    "method": "supervised",
                    "weights": str(flags.run),
                    "num_trials": flags.num_trials,
                    "num_epochs": flags.num_epochs,
                },
            ),
        ]
    of_imagenet = {"weights": "authors_imagenet", "num_layers": layers}
    methods = [
        (f"{imagenet}_layers" if layers else imagenet, of_imagenet),
        ("authors_svhn", {"weights": "authors_svhn"}),
        ("random_svhn", {"weights": "random:svhn"}),
        *own[:2],
        ("pixels", {"method": "pixels"}),
        ("kmeans", {"method": "kmeans", "num_centroids": flags.num_centroids}),
        ("neighbours", {"method": "neighbours"}),
        *own[2:],
    ]
    return [row for row in methods if not flags.only or row[0] in flags.only]


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = feature_rows.make_parser(__doc__, labels_per_class=400, draws=10)
    add = parser.add_argument
    add("--num_layers", type=int, help="of the authors' ImageNet discriminator")
    add("--run", type=Path, help="a run's folder")
    add("--num_centroids", type=int, default=4800)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
