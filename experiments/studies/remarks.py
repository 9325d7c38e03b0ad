"""§3 and §4: what the paper remarks on batch norm, pooling, b1 and the learning rate.

python experiments/studies/remarks.py --source=faces-64.zip

Trains a small net on a folder or zip of pictures as the paper has it and with one thing
changed at a time, with several seeds, and compares the samples of fixed latents that
the runs have saved on the way. Cost: a minute a run on one CPU core, 18 runs. Stopped,
the same command goes on.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import cli
from dcgan_jax.config import data_config
from dcgan_jax.data import store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import stability
from dcgan_jax.features import extract
from dcgan_jax.pictures import grid
from dcgan_jax.runs import folder as run_dir, load as loading
from dcgan_jax.sample import draw as sampling
from dcgan_jax.system import errors
from dcgan_jax.train import fixed_samples
from experiments import results
from experiments.studies import variants

NAME = "remarks"
VARIANTS = {
    "paper": [],
    "batch norm in all layers": ["--batch_norm=all"],
    "no batch norm in G": ["--batch_norm=not_in_generator"],
    "global average pooling": ["--disc_pooling=global_average"],
    "b1 0.9": ["--adam.b1=0.9"],
    "learning rate 1e-3": ["--adam.learning_rate=1e-3"],
}
CHECK_EVERY_STEPS = 50
# Images that the runs are compared with, and that stand in for samples among them.
NUM_REFERENCE, NUM_REAL = 2000, 100
COLUMNS = 10


class Curve(NamedTuple):
    """What the saved grids of a run tell.

    Attributes:
        steps: of the grids.
        checks: uint8 (len(steps), count, height, width, channels).
        distances: of each grid to real images, contrast matched to theirs.
    """

    steps: list[int]
    checks: np.ndarray
    distances: list[float]


class Judge:
    """Compares samples with the pictures trained on, by features of a random net."""

    def __init__(self, store: Store) -> None:
        if len(store) < 2 * NUM_REAL:
            raise errors.InputError(
                f"{store.path} holds {len(store)} images, expected at least "
                f"{2 * NUM_REAL} to compare with; give a larger --source."
            )
        loaded = loading.load_discriminator(
            "random:svhn", weights_dir=None, step=None, num_layers=None, seed=0
        )
        read = extract.make_reader(store)
        stats = extract.estimate_statistics(loaded, read, num_images=len(store))
        self._encode = extract.make_encoder(loaded, stats)
        rows = np.arange(NUM_REAL + NUM_REFERENCE)
        images = store.rows(rows[rows < len(store)]).images
        self._real = images[NUM_REAL:]
        self._reference = self._encode(self._real)
        self.real_diversity = sampling.measure_diversity(images[:NUM_REAL])
        self.real_distance = self.measure(images[:NUM_REAL])

    def measure(self, images: np.ndarray) -> float:
        """Return the distance of uint8 images to real ones."""
        return stability.measure_distance(self._encode(images), self._reference)

    def match(self, images: np.ndarray) -> np.ndarray:
        """Give uint8 images the contrast and brightness of real ones."""
        return stability.match_contrast(images, self._real)


def main(argv: Sequence[str]) -> int:
    # Two checks in the second half.
    least = 4 * CHECK_EVERY_STEPS
    flags = variants.parse(variants.make_parser(__doc__), argv, least_steps=least)
    cli.configure_logging()
    judges: list[Judge] = []  # one, once there is a run that says where its data lie

    def measure(variant: str, seed: int) -> Curve | None:
        workdir = variants.find_workdir(flags, NAME, variant, seed)
        chosen = ["--no_input_bias", f"--sample_every_steps={CHECK_EVERY_STEPS}"]
        is_finite = variants.train(flags, workdir, seed, chosen + VARIANTS[variant])
        if not judges:
            config = run_dir.read_config(workdir)
            path = stores.store_path(data_config(config))
            judges.append(Judge(stores.open_store(path)))
        return _read(workdir, judges[0]) if is_finite else None

    variants.measure_all(
        flags, list(VARIANTS), measure, lambda curves: _save(flags, curves, judges[0])
    )
    return 0


def _read(workdir: Path, judge: Judge) -> Curve:
    paths = sorted((workdir / run_dir.SAMPLES).glob("step_*.png"))
    size = run_dir.read_config(workdir).image_size
    checks = np.stack(
        [grid.split_grid(grid.read_picture(p), size=(size, size)) for p in paths]
    )
    steps = [int(path.stem.removeprefix("step_")) for path in paths]
    distances = [judge.measure(judge.match(images)) for images in checks]
    return Curve(steps, checks, distances)


def _measure(run: Curve, judge: Judge, target: float) -> dict[str, float | None]:
    """Return what the result file says of a run; None: infinite, never reached."""
    late = run.checks[len(run.steps) // 2 :]
    last = run.checks[-1]
    matched_diversity = sampling.measure_diversity(judge.match(last))
    oscillation = stability.measure_oscillation(late)
    return {
        "oscillation": oscillation if np.isfinite(oscillation) else None,
        "diversity": sampling.measure_diversity(last) / judge.real_diversity,
        "matched_diversity": matched_diversity / judge.real_diversity,
        "distance": judge.measure(last) / judge.real_distance,
        "matched_distance": run.distances[-1] / judge.real_distance,
        "steps_to_target": stability.find_first_below(run.steps, run.distances, target),
    }


def _summarise(measured: list[dict[str, float | None] | None]) -> dict[str, Any]:
    """Return the medians over the seeds that ended finite, and every seed's numbers."""
    finite = [numbers for numbers in measured if numbers is not None]
    medians = {}
    for name in finite[0] if finite else ():
        values = [numbers[name] for numbers in finite]
        middle = statistics.median([np.inf if v is None else v for v in values])
        medians[name] = middle if np.isfinite(middle) else None
    unstable = [
        numbers is None or numbers["matched_diversity"] < fixed_samples.COLLAPSED_SHARE
        for numbers in measured
    ]
    return {
        "unstable_share": sum(unstable) / len(unstable),
        "median": medians,
        "by_seed": measured,
    }


def _save(
    flags: argparse.Namespace, curves: dict[str, list[Curve | None]], judge: Judge
) -> None:
    finite = {name: [c for c in runs if c is not None] for name, runs in curves.items()}
    half = flags.num_steps // 2 // CHECK_EVERY_STEPS - 1
    target = statistics.median(run.distances[half] for run in finite["paper"])
    firsts = {name: runs[0] for name, runs in finite.items() if runs}
    grid.save_image(_draw(firsts, judge), results.FOLDER / f"{NAME}.png")
    numbers = {}
    for variant, runs in curves.items():
        measured = [run and _measure(run, judge, target) for run in runs]
        numbers[variant] = {"flags": VARIANTS[variant], **_summarise(measured)}
    results.save(
        NAME,
        what="Remarks of §3 and §4: the paper's choices, and one changed at a time",
        seed=0,
        protocol=_PROTOCOL.format(
            steps=flags.num_steps,
            width=flags.width_multiplier,
            every=CHECK_EVERY_STEPS,
            seeds=flags.num_seeds,
            real=NUM_REAL,
            reference=NUM_REFERENCE,
            collapsed=fixed_samples.COLLAPSED_SHARE,
            target=target / judge.real_distance,
        ),
        numbers={"variants": numbers, "seen": flags.seen},
    )


_PROTOCOL = (
    "small net at 32×32, width multiplier {width}, no bias, batches of 64, {steps}"
    " steps, {seeds} seeds (0, 1, …); 100 fixed latents every {every} steps, stored"
    " batch statistics. oscillation: over the second half, mean absolute change from"
    " check to check by mean absolute difference of two samples. diversity: standard"
    " deviation over the last samples by that of {real} real images. distance: means"
    " and deviations of 7,168 features of a random svhn32 discriminator against up to"
    " {reference:,} real images, in units of {real} other ones. matched_: the same"
    " once the samples' brightness and contrast are matched to real images' (without a"
    " bias D does not see a batch's contrast). steps_to_target: to the matched"
    " distance {target:.3g}, the paper variant's after half of the run (median); null:"
    " never. unstable_share: of runs that became NaN or infinite (their numbers are"
    " null) or whose matched diversity is under {collapsed}, so that all samples are"
    " nearly one. The picture: ten latents at the end, the same with contrast matched,"
    " and the first of them at the last ten checks; of the first seed that ended"
    " finite"
)


def _draw(runs: dict[str, Curve], judge: Judge) -> np.ndarray:
    """Return a picture with a row for each variant, its name on the left."""
    return variants.draw(
        {
            name: [
                run.checks[-1][:COLUMNS],
                judge.match(run.checks[-1])[:COLUMNS],
                run.checks[-COLUMNS:, 0],
            ]
            for name, run in runs.items()
        },
        columns=COLUMNS,
    )


if __name__ == "__main__":
    cli.run_main(main)
