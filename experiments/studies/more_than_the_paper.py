"""What the settings beyond the paper do to a user's 500 pictures.

python experiments/studies/more_than_the_paper.py --source=faces-64.zip

Trains a small net on 500 pictures of a folder or zip as the recipe has it and with one
or two settings changed, with several seeds, and measures how far samples lie from
pictures that no run has seen. Every run keeps an average of its generator, which
changes nothing else, so that each variant is measured with and without. Cost: two to
three minutes a run on one CPU core, 24 runs. Stopped, the same command goes on.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_jax import cli
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import extractors, frechet
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.extractors import Images
from dcgan_jax.features import extract
from dcgan_jax.pictures import grid
from dcgan_jax.runs import folder as run_dir, load as loading
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import disk, json_values
from experiments import results
from experiments.studies import variants

NAME = "more_than_the_paper"
VARIANTS = {
    "recipe": [],
    "hinge": ["--loss=hinge"],
    "two rates": ["--adam.learning_rate=1e-4", "--adam.d_learning_rate=4e-4"],
    "spectral norm": ["--spectral_norm"],
    "spectral norm, hinge": ["--spectral_norm", "--loss=hinge"],
    "R1": ["--r1_gamma=1"],
    "DiffAugment": ["--diffaugment=color,translation,cutout"],
    "DiffAugment, R1": ["--diffaugment=color,translation,cutout", "--r1_gamma=1"],
}
NUM_TRAINING = 500
# Pictures that are compared with, and samples: a distance depends on their numbers.
NUM_REFERENCE = NUM_SAMPLES = 2000
# As many others show what a distance of real pictures is.
NUM_UNSEEN = NUM_REFERENCE + NUM_SAMPLES
GENERATORS = {"generator": False, "average": True}
COLUMNS = 10


class Judge:
    """Measures distances to pictures that no run was trained on.

    Args:
        store: of all pictures; the first ones are trained on. Of another size than the
            discriminator's they are brought to it, and so are samples.
        weights_dir: of the authors' discriminator; None: a cache.
        num_training: the number of those.
    """

    num_samples = NUM_SAMPLES

    def __init__(
        self,
        store: Store,
        weights_dir: Path | None,
        *,
        num_training: int = NUM_TRAINING,
    ) -> None:
        # Missing batch statistics are taken over the first NUM_REFERENCE pictures.
        first = Images(
            extract.make_reader(store), NUM_REFERENCE, store.image_shape, "pictures"
        )
        config = EvaluateConfig(
            "", "fid", extractor="authors_svhn", weights_dir=weights_dir
        )
        self._encode = extractors.make(config, first).encode
        last = np.arange(len(store))[-NUM_REFERENCE:]
        self._reference = self._describe(store.rows(last).images)
        self.of_training = self.measure(store.rows(np.arange(num_training)).images)
        others = np.arange(num_training, num_training + NUM_SAMPLES)
        self.of_others = self.measure(store.rows(others).images)

    def measure(self, images: np.ndarray) -> float:
        """Return the distance of uint8 images to the pictures."""
        return frechet.frechet_distance(self._describe(images), self._reference)

    def _describe(self, images: np.ndarray) -> frechet.Moments:
        assert self._encode is not None  # of Inception alone it is
        return frechet.measure_moments(self._encode(images))


def main(argv: Sequence[str]) -> int:
    parser = variants.make_parser(__doc__)
    add = parser.add_argument
    add("--weights_dir", type=Path, help="the authors' files, else downloaded")
    add("--ema_decay", type=float, default=0.999)
    flags = variants.parse(parser, argv, least_steps=2)
    cli.start()
    store = variants.open_store(flags, num_training=NUM_TRAINING, num_unseen=NUM_UNSEEN)
    judge = Judge(store, flags.weights_dir)
    half = flags.num_steps // 2
    chosen = [
        f"--held_out={len(store) - NUM_TRAINING}", f"--sample_every_steps={half}",
        f"--checkpoint_every_steps={half}", f"--ema_decay={flags.ema_decay}",
    ]  # fmt: skip

    def measure_one(variant: str, seed: int) -> dict[str, Any] | None:
        workdir = variants.find_workdir(flags, NAME, variant, seed)
        if not variants.train(flags, workdir, seed, chosen + VARIANTS[variant]):
            return None
        found = measure(workdir, judge)
        print(found, flush=True)
        return found

    variants.measure_all(
        flags, list(VARIANTS), measure_one, lambda found: _save(flags, found, judge)
    )
    return 0


def measure(workdir: Path, judge: Judge) -> dict[str, dict[str, float]]:
    """Return the distances of a run's samples: step → generator or average → number.

    They are kept beside the run, and read from there where they are.
    """
    path = workdir / "distances.json"
    if path.is_file():
        return json_values.read_json(path)
    found: dict[str, dict[str, float]] = {}
    for folder in sorted((workdir / run_dir.CHECKPOINTS).glob("step_*")):
        step = int(folder.name.removeprefix("step_"))
        found[str(step)] = {
            name: judge.measure(draw_samples(workdir, NUM_SAMPLES, step=step, ema=ema))
            for name, ema in GENERATORS.items()
        }
    disk.write_whole(path, json.dumps(found).encode())
    return found


def draw_samples(
    workdir: Path, count: int, *, step: int | None = None, ema: bool
) -> np.ndarray:
    """Return samples of a run's generator or of its average, uint8 NHWC."""
    loaded = loading.load_generator(str(workdir), weights_dir=None, step=step, ema=ema)
    return SampleStream(loaded, seed=0).images(count)


def _summarise(measured: list[dict[str, Any] | None]) -> dict[str, Any]:
    """Return the medians over the seeds that ended finite, and every seed's numbers."""
    finite = [numbers for numbers in measured if numbers is not None]
    medians = {
        step: {
            name: statistics.median(numbers[step][name] for numbers in finite)
            for name in GENERATORS
        }
        for step in (finite[0] if finite else ())
    }
    return {"median": medians, "by_seed": measured}


def _save(
    flags: argparse.Namespace,
    measured: dict[str, list[dict[str, Any] | None]],
    judge: Judge,
) -> None:
    first = {
        variant: variants.find_workdir(flags, NAME, variant, 0)
        for variant, runs in measured.items()
        if runs[0] is not None
    }
    grid.save_image(_draw(first), results.FOLDER / f"{NAME}.png")
    results.save(
        NAME,
        what="The settings beyond the paper on 500 pictures: distances of samples",
        seed=0,
        protocol=_PROTOCOL.format(
            training=NUM_TRAINING,
            width=flags.width_multiplier,
            steps=flags.num_steps,
            decay=flags.ema_decay,
            seeds=len(measured["recipe"]),
            samples=NUM_SAMPLES,
            reference=NUM_REFERENCE,
        ),
        numbers={
            "variants": {
                variant: {"flags": VARIANTS[variant], **_summarise(runs)}
                for variant, runs in measured.items()
            },
            "distance_of_training_images": judge.of_training,
            "distance_of_other_real_images": judge.of_others,
            "seen": flags.seen,
        },
    )


_PROTOCOL = (
    "small net at 32×32, width multiplier {width}, batches of 64, {steps} steps on"
    " {training} pictures, {seeds} seeds (0, 1, …), medians over them. Fréchet distance"
    " in float64 of {samples:,} samples (stored batch statistics) to {reference:,}"
    " pictures that no run was trained on, between features of the authors' SVHN"
    " discriminator: the maxima over 4 × 4 cells of each of its 448 maps, averaged over"
    " the cells. It is no FID and compares within this table alone. generator: the"
    " weights at a step; average: their exponential moving average with decay {decay}."
    " For scale: the distance of the training pictures themselves, and of {samples:,}"
    " other pictures. The picture: ten latents at the end, of the generator on the"
    " left, of the average on the right; seed 0"
)


def _draw(workdirs: dict[str, Path]) -> np.ndarray:
    """Return a picture with a row for each variant, its name on the left."""
    return variants.draw(
        {
            name: [draw_samples(workdir, COLUMNS, ema=ema) for ema in (False, True)]
            for name, workdir in workdirs.items()
        },
        columns=COLUMNS,
    )


if __name__ == "__main__":
    cli.run_main(main)
