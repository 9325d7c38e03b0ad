"""`modern32` and the relativistic loss beside the paper's recipe, for the same time.

python experiments/studies/equal_time.py --sources faces-64.zip cifar10-part.zip

Trains each for about as many seconds on each folder or zip of pictures, with one
network, and measures how far samples lie from pictures that no run has seen. The steps
follow from a rate that a short run before measures, so that nothing else may run
meanwhile. Without flags the small net is trained, narrow and for two minutes each, on
a CPU. At full size, on a GPU: --architecture=imagenet32 --width_multiplier=1
--seconds=600; --image_size=64 --architecture=dcgan64 compares `modern64`. Stopped, the
same command goes on.
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
from experiments.studies import more_than_the_paper as pictures, variants
from experiments.studies.more_than_the_paper import Judge

NAME = "equal_time"
# By the side of an image; the first one is the paper's recipe.
PRESETS = {32: ("cifar10", "modern32"), 64: ("celeb_a", "modern64")}
NUM_FID_SAMPLES = 10_000
# Of the run that measures the rate.
_STEPS, _ROWS = 40, 5
PROTOCOL = (
    "each with the network {architecture} at {side}×{side} and width {width}, for as"
    " many steps as take {seconds:g} s at the rate of a run of {steps} steps before;"
    " {unseen:,} pictures are held out. Fréchet distance of"
    " {samples:,} samples to {reference:,} of these in the features of the authors'"
    " SVHN discriminator, as in more_than_the_paper.json; no FID. generator: the"
    " weights at the end; average: their exponential moving average with decay {decay}."
    " fid: of {fid_samples:,} samples of the average, by Inception, where its weights"
    " are given"
)


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    numbers = results.read_numbers(NAME)
    for source in flags.sources:
        own = argparse.Namespace(**vars(flags), source=source)
        store = variants.open_store(
            own,
            num_training=pictures.NUM_TRAINING,
            num_unseen=pictures.NUM_UNSEEN,
            image_size=flags.image_size,
        )
        judge = Judge(store, flags.weights_dir)
        side = flags.image_size
        rows = numbers.setdefault(f"{source.stem}, {side}×{side}", {})
        rows["distance_of_other_real_images"] = judge.of_others
        recipes = rows.setdefault("recipes", {})
        for seed in range(flags.num_seeds):
            for name, chosen in list_recipes(side).items():
                row = recipes.setdefault(name, {"flags": chosen, "by_seed": {}})
                if str(seed) in row["by_seed"]:
                    continue
                found = measure(own, name, seed, judge)
                print(f"{source.stem}, {name}, seed {seed}: {found}", flush=True)
                row["by_seed"][str(seed)] = found
                _save(flags, numbers)
    return 0


def list_recipes(image_size: int) -> dict[str, list[str]]:
    """Return what is compared: name → flags of `dcgan_jax.train`."""
    paper, modern = PRESETS[image_size]
    return {
        paper: [f"--preset={paper}"],
        modern: [f"--preset={modern}"],
        "relativistic": [
            f"--preset={modern}", "--loss=relativistic", "--r1_gamma=0.1",
            "--r2_gamma=0.1", "--penalty_every=8", "--adam.d_learning_rate=4e-4",
            "--batch_norm=not_in_discriminator",
        ],
    }  # fmt: skip


def measure(
    flags: argparse.Namespace, name: str, seed: int, judge: Judge
) -> dict[str, float]:
    """Train a recipe for a time; return its steps, rate and distances."""
    study = f"{NAME}/{flags.source.stem}-{flags.image_size}"
    workdir = variants.find_workdir(flags, study, name, seed)
    probe = workdir.with_name(f"{workdir.name}-rate")
    every = f"--log_every_steps={_STEPS // _ROWS}"
    _train(flags, name, seed, probe, [f"--num_steps={_STEPS}", every])
    rates = [row["images_per_second"] for row in run_dir.read_metrics(probe)]
    rate = statistics.median(rates[1:])
    batch_size = run_dir.read_config(probe).batch_size
    steps = max(int(flags.seconds * rate / batch_size), 2)
    _train(flags, name, seed, workdir, [f"--num_steps={steps}"])
    distances = {
        which: judge.measure(
            pictures.draw_samples(workdir, pictures.NUM_SAMPLES, ema=ema)
        )
        for which, ema in pictures.GENERATORS.items()
    }
    if flags.inception_weights is not None:
        distances["fid"] = _measure_fid(flags, workdir)
    return {"steps": steps, "images_per_s": rate, **distances}


def _measure_fid(flags: argparse.Namespace, workdir: Path) -> float:
    """Return the FID of a run's averaged generator."""
    config = EvaluateConfig(
        str(workdir),
        "fid",
        NUM_FID_SAMPLES,
        ema=True,
        inception_weights=flags.inception_weights,
    )
    return float(trained.evaluate(config).numbers["fid"])


def _train(
    flags: argparse.Namespace, name: str, seed: int, workdir: Path, chosen: list[str]
) -> None:
    trained.require(
        trained.run_train(
            [
                *list_recipes(flags.image_size)[name],
                f"--architecture={flags.architecture}",
                *variants.list_data_flags(flags, flags.image_size),
                f"--held_out={pictures.NUM_UNSEEN}", f"--ema_decay={flags.ema_decay}",
                f"--width_multiplier={flags.width_multiplier}", f"--seed={seed}",
                f"--workdir={workdir}", *chosen,
            ]
        )
    )  # fmt: skip


def _save(flags: argparse.Namespace, numbers: dict[str, Any]) -> None:
    results.save(
        NAME,
        what="Distances of samples of the paper's recipe and of others, equal time",
        seed=0,
        protocol=PROTOCOL.format(
            architecture=flags.architecture,
            side=flags.image_size,
            width=flags.width_multiplier,
            seconds=flags.seconds,
            steps=_STEPS,
            unseen=pictures.NUM_UNSEEN,
            samples=pictures.NUM_SAMPLES,
            reference=pictures.NUM_REFERENCE,
            decay=flags.ema_decay,
            fid_samples=NUM_FID_SAMPLES,
        ),
        numbers=numbers,
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--sources", type=Path, nargs="+", required=True, help="folders or zips")
    add("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    add("--data_dir", type=Path, default=Path("data"))
    add("--num_seeds", type=int, default=3)
    add("--seconds", type=float, default=110.0, help="of each training")
    add("--image_size", type=int, default=32, choices=PRESETS)
    add("--architecture", default="small", help="the network of all of them")
    add("--width_multiplier", type=float, default=0.25)
    add("--ema_decay", type=float, default=0.999)
    add("--weights_dir", type=Path, help="the authors' files, else downloaded")
    add("--inception_weights", type=Path, help="torch-fidelity's file, for the FID")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
