"""From how many pictures on a GAN is worth it: 100, 500 and 2,000 faces.

python experiments/studies/few_pictures.py --source=faces-64.zip

Trains a small net at 32×32 on so many pictures by the recipe and with one setting
changed, and measures two things: how far samples lie from pictures that no run has
seen, and how near the nearest training picture is, beside how near it is to pictures
that were not trained on. A generator that has learnt its pictures by heart is nearer to
them. Without flags the runs are narrow and short: an hour of one CPU core in all.
At full size: --num_steps=20000 --width_multiplier=1 --num_seeds=3, which needs a GPU.
Stopped, the same command goes on.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dcgan_jax import cli
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate.metrics import memorisation
from experiments import results
from experiments.studies import variants
from experiments.studies.more_than_the_paper import NUM_UNSEEN, Judge, draw_samples

NAME = "few_pictures"
VARIANTS = {
    "recipe": [],
    "mirror": ["--mirror"],
    "DiffAugment": ["--diffaugment=color,translation,cutout"],
    "R1": ["--r1_gamma=1"],
    "relativistic, R1 and R2": [
        "--loss=relativistic", "--r1_gamma=1", "--r2_gamma=1", "--penalty_every=4",
        "--batch_norm=not_in_discriminator",
    ],
}  # fmt: skip
COUNTS = (100, 500, 2000)
# Samples that are compared with the pictures that each was trained on.
NUM_NEAREST = 200


class Found(NamedTuple):
    """What was measured of a run.

    Attributes:
        distance: Fréchet distance of samples to unseen pictures.
        nearest: grey levels from a sample to the nearest training picture, the median.
        nearest_of_unseen: the same of pictures that were not trained on.
    """

    distance: float
    nearest: float
    nearest_of_unseen: float


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    store = variants.open_store(
        flags, num_training=max(flags.counts), num_unseen=NUM_UNSEEN
    )
    judge = Judge(store, flags.weights_dir, num_training=max(flags.counts))
    found: dict[str, dict[str, list[Any]]] = {}
    for count in flags.counts:
        names = list(VARIANTS)
        study = f"{NAME}/{count}"

        def measure_one(
            name: str, seed: int, count: int = count, study: str = study
        ) -> dict[str, float] | None:
            workdir = variants.find_workdir(flags, study, name, seed)
            own = [f"--held_out={len(store) - count}", *VARIANTS[name]]
            if not variants.train(flags, workdir, seed, own):
                return None
            outcome = measure(workdir, store, judge, count=count)._asdict()
            print(outcome, flush=True)
            return outcome

        def save(by_name: dict[str, list[Any]], count: int = count) -> None:
            found[str(count)] = by_name
            _save(flags, found, judge)

        variants.measure_all(flags, names, measure_one, save)
    return 0


def measure(workdir: Path, store: Store, judge: Judge, *, count: int) -> Found:
    """Measure a run that was trained on the first `count` pictures of a store."""
    samples = draw_samples(workdir, judge.num_samples, ema=False)
    near = memorisation.find_copies(
        samples[:NUM_NEAREST],
        store,
        num_rows=count,
        picture=workdir / "evaluation" / "nearest_training_images.png",
    )
    assert near.unseen is not None
    return Found(judge.measure(samples), near.samples, near.unseen)


def summarise(by_seed: list[dict[str, float] | None]) -> dict[str, float]:
    """Return the medians over the seeds that ended finite; none if there is none."""
    finite = [numbers for numbers in by_seed if numbers is not None]
    return {
        name: statistics.median(numbers[name] for numbers in finite)
        for name in (finite[0] if finite else ())
    }


def _save(
    flags: argparse.Namespace, found: dict[str, dict[str, list[Any]]], judge: Judge
) -> None:
    results.save(
        NAME,
        what="Trainings on few faces: distances to unseen and to training pictures",
        seed=0,
        protocol=f"small net at 32×32, width {flags.width_multiplier:g}, minibatches of"
        f" 64, {flags.num_steps:,} steps, {flags.num_seeds} seeds, medians over them."
        f" distance: Fréchet distance of {judge.num_samples:,} samples to as many"
        " unseen pictures, in features of the authors' SVHN discriminator; no FID."
        f" nearest: root mean square distance in grey levels of {NUM_NEAREST} samples"
        " to the nearest training picture, the median; and of as many unseen pictures",
        numbers={
            "flags": VARIANTS,
            "distance_of_other_real_images": judge.of_others,
            "by_count": {
                count: {
                    name: {"median": summarise(by_seed), "by_seed": by_seed}
                    for name, by_seed in by_name.items()
                }
                for count, by_name in found.items()
            },
        },
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = variants.make_parser(__doc__)
    add = parser.add_argument
    add("--weights_dir", type=Path, help="the authors' files, else downloaded")
    add("--counts", type=int, nargs="+", default=list(COUNTS), help="of pictures")
    parser.set_defaults(num_seeds=1, num_steps=5000)
    return variants.parse(parser, argv, least_steps=1)


if __name__ == "__main__":
    cli.run_main(main)
