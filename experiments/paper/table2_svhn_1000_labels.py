"""Table 2 and §5.2: SVHN with 1,000 labels by the features of a discriminator.

python experiments/paper/table2_svhn_1000_labels.py

Cost: a few minutes on a GPU, half an hour on two CPU cores, and the 64 trials of the
supervised network hours (--only leaves them out). Expected: 22.48 % test error for the
authors' SVHN discriminator, 28.87 % validation error for the supervised network,
77.93 % for nearest neighbours on pixels.

--target runs the same protocol on another data set; its result file is named after it.
"""

import argparse
import dataclasses
from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.features.config import FeaturesConfig
from experiments.paper import feature_rows

LABELS_PER_CLASS, NUM_DRAWS = 100, 100  # svhn/svhn_semisup_analysis.py:117-170


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    base = FeaturesConfig(
        target=flags.target,
        source=flags.source,
        data_dir=flags.data_dir,
        weights="authors_svhn",
        weights_dir=flags.weights_dir,
        upscale=flags.upscale,
        labels_per_class=flags.labels_per_class,
        draws=flags.draws,
    )
    methods = {
        "authors_svhn": {},
        "random_svhn": {"weights": "random:svhn"},
        "pixels": {"method": "pixels"},
        "neighbours": {"method": "neighbours"},
        "supervised_network": {
            "method": "supervised",
            "num_trials": flags.num_trials,
            "num_epochs": flags.num_epochs,
        },
    }
    rows = {
        key: dataclasses.replace(base, **changes)
        for key, changes in methods.items()
        if not flags.only or key in flags.only
    }
    name = "table2_svhn_1000_labels"
    if flags.target != "svhn":
        of = flags.target if flags.source is None else flags.source.stem
        name = f"table2_protocol_on_{of.replace('-', '_')}"
    feature_rows.measure(
        name,
        rows,
        what="test error with 1,000 labels by features, rows of Table 2",
        again=flags.again,
    )
    return 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = feature_rows.make_parser(
        __doc__, labels_per_class=LABELS_PER_CLASS, draws=NUM_DRAWS
    )
    add = parser.add_argument
    add("--target", default="svhn")
    add("--upscale", action="store_true", help="for images below 32 pixels")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
