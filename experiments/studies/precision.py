"""Whether training in bfloat16 is as good as in float32, beyond the spread of seeds.

python experiments/studies/precision.py --faces=faces-64.zip

Trains conditional MNIST (§8.1) and the small net on faces in both, with several seeds,
and measures Table 3's error and the distance of samples to faces that no run has seen.
Cost: on a GPU about three minutes for each of the six runs on MNIST. Stopped, the same
command goes on. --source=mnist.npz reads MNIST from an array file in place of tfds.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_jax import cli
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.runs import folder as run_dir
from experiments import results, trained
from experiments.studies import more_than_the_paper as faces, variants

NAME = "precision"
PRECISIONS = ("bfloat16", "float32")
_LEAST_SEEDS = 2  # that have a spread
PROTOCOL = (
    "conditional_mnist: preset mnist_conditional at width multiplier {width}, {epochs}"
    " epochs; error in % of 1-NN on so many generated samples, by the protocol of Table"
    " 3. faces: the small net at 32×32, {steps} steps on {training} pictures; Fréchet"
    " distance of {samples:,} samples in the features of the authors' SVHN"
    " discriminator, as in more_than_the_paper.json. images_per_s: median of"
    " metrics.jsonl. Seeds 0 to {last}; mean, and the largest less the smallest"
    " (spread). worse: whether bfloat16's mean is above float32's by more than the"
    " larger spread"
)


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    numbers = results.read_numbers(NAME)
    measures = {"conditional_mnist": _measure_mnist}
    if flags.faces is not None:
        measures["faces"] = _make_faces(flags)
    for net, measure in measures.items():
        rows = numbers.setdefault(net, {})
        for seed in range(flags.num_seeds):
            for precision in PRECISIONS:
                of_seeds = rows.setdefault(precision, {})
                if str(seed) in of_seeds:
                    continue
                found = measure(flags, precision, seed)
                print(f"{net}, {precision}, seed {seed}: {found}", flush=True)
                of_seeds[str(seed)] = found
                rows["summary"] = summarise(rows)
                _save(flags, numbers)
    return 0


def summarise(rows: dict[str, Any]) -> dict[str, Any]:
    """Compare both precisions in every number that all their runs have.

    Args:
        rows: precision → seed → name → number, where smaller is better.

    Returns:
        name → mean and spread by precision, and whether bfloat16 is worse; nothing
        before both have two seeds.
    """
    runs = {name: list(rows.get(name, {}).values()) for name in PRECISIONS}
    if min(map(len, runs.values())) < _LEAST_SEEDS:
        return {}
    found = {}
    for name in runs["bfloat16"][0]:
        if name == "images_per_s":
            continue
        values = {
            precision: [run[name] for run in own] for precision, own in runs.items()
        }
        means = {key: statistics.fmean(own) for key, own in values.items()}
        spreads = {key: max(own) - min(own) for key, own in values.items()}
        excess = means["bfloat16"] - means["float32"]
        found[name] = {
            "mean": means,
            "spread": spreads,
            "worse": excess > max(spreads.values()),
        }
    return found


def _measure_mnist(
    flags: argparse.Namespace, precision: str, seed: int
) -> dict[str, float]:
    """Train and measure a run of conditional MNIST."""
    workdir = flags.runs / NAME / f"mnist_{precision}-{seed}"
    trained.train(
        "mnist_conditional",
        workdir,
        [
            *trained.list_flags(flags, num_epochs=flags.num_epochs),
            f"--precision={precision}", f"--seed={seed}",
            f"--width_multiplier={flags.width_multiplier}",
        ],
    )  # fmt: skip
    measured = trained.evaluate(
        EvaluateConfig(
            run=str(workdir),
            metric="nearest_neighbour",
            num_samples=flags.num_samples,
            seed=0,
        )
    )
    return {**measured.numbers["error_percent"], "images_per_s": _read_rate(workdir)}


def _make_faces(flags: argparse.Namespace) -> Any:
    """Return the function that trains and measures a run on faces."""
    own = argparse.Namespace(**vars(flags))
    own.source, own.num_steps = flags.faces, flags.num_face_steps
    store = variants.open_store(
        own, num_training=faces.NUM_TRAINING, num_unseen=faces.NUM_UNSEEN
    )
    judge = faces.Judge(store, flags.weights_dir)
    half = own.num_steps // 2
    chosen = [
        f"--held_out={len(store) - faces.NUM_TRAINING}", "--ema_decay=0.999",
        f"--checkpoint_every_steps={half}", f"--sample_every_steps={half}",
    ]  # fmt: skip

    def measure(_: argparse.Namespace, precision: str, seed: int) -> dict[str, float]:
        workdir = variants.find_workdir(own, NAME, f"faces {precision}", seed)
        variants.train(own, workdir, seed, [*chosen, f"--precision={precision}"])
        found = faces.measure(workdir, judge)
        return {
            f"distance_{step}": distances["generator"]
            for step, distances in found.items()
        } | {"images_per_s": _read_rate(workdir)}

    return measure


def _read_rate(workdir: Path) -> float:
    rows = run_dir.read_metrics(workdir)
    return statistics.median(row["images_per_second"] for row in rows)


def _save(flags: argparse.Namespace, numbers: dict[str, Any]) -> None:
    results.save(
        NAME,
        what="Training in bfloat16 beside float32: quality and spread over seeds",
        seed=0,
        protocol=PROTOCOL.format(
            width=flags.width_multiplier,
            epochs=flags.num_epochs,
            steps=flags.num_face_steps,
            training=faces.NUM_TRAINING,
            samples=faces.NUM_SAMPLES,
            last=flags.num_seeds - 1,
        ),
        numbers=numbers,
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = trained.make_parser(__doc__, num_epochs=200.0)
    add = parser.add_argument
    add("--num_seeds", type=int, default=3)
    add("--num_samples", type=int, default=1_000_000)
    add("--width_multiplier", type=float, default=1.0)
    add("--faces", type=Path, help="folder or zip of faces; absent: MNIST alone")
    add("--num_face_steps", type=int, default=2000)
    add("--weights_dir", type=Path, help="the authors' files, else downloaded")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
