"""Parzen windows of the 2014 GAN on MNIST (Goodfellow et al. 2014, Table 1).

python experiments/paper/goodfellow_parzen.py

Measures 10,000 real training images in the place of samples, which no generator should
surpass; then trains `goodfellow_mnist`, and measures the checkpoints that it leaves on
the way. The best by the likelihood of validation images is the result, as the monitor
of the code of 2014 shows that. Cost: 5,800 epochs take a quarter of an hour on a GPU
and days on two CPU cores (--num_epochs ends earlier, and the result says how far it
went); a measure half a minute. Expected: 225 ± 2 nats, and 241 for the real images.
Stopped, the same command goes on.

--source=mnist.npz reads MNIST from an array file in place of tfds.
"""

import argparse
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcgan_jax import cli, presets
from dcgan_jax.config import TrainConfig, data_config
from dcgan_jax.data import batches, kept_rows, ready
from dcgan_jax.evaluate import candidate as candidates
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import find_num_samples, parzen
from dcgan_jax.runs import folder as run_dir
from experiments import results, trained

NAME, PRESET = "goodfellow_parzen", "goodfellow_mnist"
REAL = f"{NAME}_real"


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.configure_logging()
    workdir = flags.runs / PRESET
    chosen = trained.list_flags(flags, num_epochs=flags.num_epochs)
    measure_real(cli.parse_run([f"--preset={PRESET}", *chosen]), flags.seed)
    if flags.only_real:
        return 0
    more = [f"--keep_every_steps={flags.every}"]
    about = trained.train(PRESET, workdir, [*chosen, *more])
    measured = trained.evaluate(
        EvaluateConfig(
            run=str(workdir), metric="parzen", seed=flags.seed, every=flags.every,
            wait=False,
        )
    )  # fmt: skip
    print(measured.text)
    by_step = measured.numbers["steps"]
    best = measured.numbers["best"]["validation_log_likelihood"]["step"]
    grid = max((workdir / run_dir.SAMPLES).glob("*.png"))
    shutil.copy(grid, results.FOLDER / f"{NAME}.png")
    results.save(
        NAME,
        what="MNIST: Parzen-window log-likelihood of the 2014 GAN, nats per image",
        seed=flags.seed,
        protocol=f"{measured.protocol}; the best of {len(by_step)} checkpoints by the"
        " same validation images",
        numbers={
            **by_step[str(best)],
            "best_step": best,
            "by_step": by_step,
            "run": about,
        },
    )
    return 0


def measure_real(config: TrainConfig, seed: int) -> None:
    """Measure training images in the place of samples, and save that.

    Args:
        config: the recipe, whose held-out images choose the width.
        seed: chooses the images.
    """
    evaluated = EvaluateConfig(run=PRESET, metric="parzen", seed=seed)
    data = [data_config(config)]
    data.append(candidates.split_data(evaluated, config, evaluated.test_split))
    trained.require(ready.make_all_ready(data))
    train = kept_rows.open_training_store(data[0])
    num_rows = batches.count_training_rows(len(train), config.held_out)
    parts = parzen.open_parts(evaluated, config, train, num_rows)
    count = min(find_num_samples(evaluated), num_rows)
    chosen = np.random.default_rng(seed).choice(num_rows, count, replace=False)
    outcome = parzen.estimate_density(
        evaluated, train.rows(np.sort(chosen)).images, parts
    )
    numbers: dict[str, Any] = parzen.list_numbers(outcome)
    print(f"real images: {outcome.log_likelihood:.1f} nats, sigma {outcome.sigma:.4g}")
    results.save(
        REAL,
        what="MNIST: Parzen-window log-likelihood around real training images, nats",
        seed=seed,
        protocol=f"Gaussian windows around {count:,} of {num_rows:,} training images in"
        f" the place of samples; sigma by {len(parts.valid):,} validation images; mean"
        f" over {len(parts.test):,} test images and its standard error",
        numbers=numbers,
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    full = presets.RECIPES[PRESET].num_epochs
    parser = trained.make_parser(__doc__, num_epochs=full)
    add = parser.add_argument
    add("--every", type=int, default=100_000, help="steps between two measures")
    add("--only_real", action="store_true", help="train nothing")
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
