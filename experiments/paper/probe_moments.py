"""§5.1 at several moments of a run: do the discriminator's best features come early?

python -m dcgan_jax.train --preset=imagenet32 --dataset=folder \
    --source=tiny-imagenet-200.zip --workdir=runs/tiny32 --keep_every_steps=5000
python experiments/paper/probe_moments.py runs/tiny32

Every checkpoint that the run has kept gives features of CIFAR-10, and a linear SVM
classifies these as in Table 1. Tiny ImageNet, 100,000 images in 200 classes, stands in
for ImageNet-1k, which is given out on request. Cost: for each checkpoint the time of
table1_cifar10_features.py, and 6 GB of disk until its features are deleted. Expected,
after ImageNet-1k: 82.8 % with all labels, 73.8 ± 0.4 % with 400 a class. Stopped, the
same command goes on.

--source takes labelled images of one's own with train/ and test/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dcgan_jax import cli
from dcgan_jax.features.config import FeaturesConfig
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import errors
from experiments.paper import feature_rows


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    own = flags.source is not None
    data = flags.source.stem.replace("-", "_") if own else "cifar10"
    base = {
        "target": "folder" if own else "cifar10",
        "source": flags.source,
        "data_dir": flags.data_dir,
        "weights": str(flags.run),
    }
    rows = {}
    for step in find_steps(flags.run, flags.steps):
        for labels in (flags.labels_per_class, None):
            key = f"step_{step}_{'all' if labels is None else labels}_labels"
            if not flags.only or key in flags.only:
                rows[key] = FeaturesConfig(
                    **base, step=step, labels_per_class=labels, draws=flags.draws
                )
    feature_rows.measure(
        f"probe_{flags.run.name}_on_{data}",
        rows,
        what=f"accuracy by the features of {flags.run.name}'s checkpoints on {data}",
        again=flags.again,
    )
    return 0


def find_steps(run: Path, wanted: Sequence[int] | None) -> list[int]:
    """Return the steps to measure: those asked for, or all that the run has kept.

    Raises:
        MissingInputError: if the run has no checkpoint of a step that is asked for, or
            none at all.
    """
    there = checkpoints.list_steps(run / run_dir.CHECKPOINTS)
    missing = sorted(set(wanted or ()) - set(there))
    if missing or not there:
        told = f" of step {missing[0]}" if missing else ""
        kept = ", ".join(map(str, there)) or "none"
        raise errors.MissingInputError(
            f"{run} has no checkpoint{told}; there are: {kept}. Train with"
            " --keep_every_steps to keep some on the way."
        )
    return sorted(wanted or there)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = feature_rows.make_parser(__doc__, labels_per_class=400, draws=10)
    add = parser.add_argument
    add("run", type=Path, help="a run's folder")
    add("--steps", type=int, nargs="+", help="default: all that the run has kept")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
