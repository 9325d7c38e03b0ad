"""Grey pictures: the contrast of samples with and without a bias in D's first layer.

python experiments/studies/contrast.py --source=cifar10-part.zip

Trains the net of `imagenet32` twice, narrow and short, and follows the contrast of
samples: the standard deviation over all pixels of 256 of them, in grey levels. Without
the bias D's answer does not change when a whole batch is scaled (tests/models/
test_contrast.py has it in closed form), so that no gradient moves the contrast. The
picture shows real images, samples without the bias, and samples with it. Cost: some
minutes on two CPU cores.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_jax import cli
from dcgan_jax.config import data_config
from dcgan_jax.data import kept_rows
from dcgan_jax.pictures import grid
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading
from dcgan_jax.sample.numbered import SampleStream
from experiments import results, trained

NAME = "contrast"
RUNS = {"without": "--no_input_bias", "with": "--input_bias"}
NUM_SAMPLES, SIDE = 256, 8
NUM_CHECKS = 6


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.configure_logging()
    every = max(1, flags.num_steps // NUM_CHECKS)
    curves, shown, about = {}, [], {}
    for name, bias in RUNS.items():
        workdir = flags.runs / f"contrast_{name}_bias"
        about[name] = trained.train(
            "imagenet32",
            workdir,
            [
                bias, "--dataset=folder", f"--source={flags.source}",
                f"--data_dir={flags.data_dir}", f"--num_steps={flags.num_steps}",
                f"--width_multiplier={flags.width_multiplier}",
                f"--batch_size={flags.batch_size}", f"--seed={flags.seed}",
                f"--keep_every_steps={every}", f"--checkpoint_every_steps={every}",
            ],
        )  # fmt: skip
        curves[name], samples = follow(workdir, seed=flags.seed)
        shown.append(samples)
    real = _draw_real(workdir, seed=flags.seed)
    pictures = [
        grid.make_grid(part[: SIDE**2], columns=SIDE) for part in (real, *shown)
    ]
    out = results.FOLDER / f"{NAME}.png"
    grid.save_image(grid.place_beside(pictures), out, scale=2)
    numbers = {"real": float(real.std()), **curves, "runs": about}
    results.save(
        NAME,
        what="the contrast of samples with and without a bias in D's first convolution;"
        " the picture beside this file: real images, samples without it and with it",
        seed=flags.seed,
        protocol=f"standard deviation over all pixels of {NUM_SAMPLES} samples of the"
        " seed or random training images, in grey levels, by the step of the"
        " checkpoint; stored batch statistics",
        numbers=numbers,
    )
    print(f"real images: {numbers['real']:.0f} grey levels")
    for name, curve in curves.items():
        told = ", ".join(f"{value:.0f} at {step}" for step, value in curve.items())
        print(f"samples {name} the bias: {told}")
    print(out)
    return 0


def follow(workdir: Path, *, seed: int) -> tuple[dict[str, float], np.ndarray]:
    """Return the contrast of samples at each checkpoint, and the last one's samples."""
    curve = {}
    for step in checkpoints.list_steps(workdir / run_dir.CHECKPOINTS):
        loaded = loading.load_generator(str(workdir), weights_dir=None, step=step)
        samples = SampleStream(loaded, seed).images(NUM_SAMPLES)
        curve[str(step)] = float(samples.std())
    return curve, samples


def _draw_real(workdir: Path, *, seed: int) -> np.ndarray:
    store = kept_rows.open_training_store(data_config(run_dir.read_config(workdir)))
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(store), NUM_SAMPLES, replace=len(store) < NUM_SAMPLES)
    return store.rows(np.sort(rows)).images


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--source", type=Path, required=True, help="images of 32 pixels or more")
    add("--data_dir", type=Path, default=Path("data"))
    add("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    add("--num_steps", type=int, default=480)
    add("--width_multiplier", type=float, default=0.125)
    add("--batch_size", type=int, default=32)
    add("--seed", type=int, default=0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
