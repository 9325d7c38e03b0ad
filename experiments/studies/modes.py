"""How many of the 1,000 modes of stacked digits a generator finds, by its training.

python experiments/studies/modes.py --source=mnist.npz

Trains the small net on stacked MNIST as the recipe has it, with packing of 2, and with
the relativistic loss and both penalties, and counts the modes of 25,600 samples.
Without flags the run is narrow and short: about ten minutes of two CPU cores. At full
size: --width_multiplier=1 --num_steps=25000 --num_seeds=3, which needs a GPU. Stopped,
the same command goes on.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_jax import cli
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import modes
from experiments import results, trained
from experiments.studies import variants

NAME = "modes"
VARIANTS = {
    "recipe": [],
    "packing of 2": ["--packing=2"],
    "relativistic, R1 and R2": [
        "--loss=relativistic", "--r1_gamma=1", "--r2_gamma=1", "--penalty_every=4",
        "--batch_norm=not_in_discriminator",
    ],
}  # fmt: skip


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.start()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    protocol = ""
    for seed in range(flags.num_seeds):
        for name, chosen in VARIANTS.items():
            workdir = variants.find_workdir(flags, NAME, name, seed)
            own = _list_flags(flags, workdir, seed, chosen)
            trained.require(trained.run_train(own))
            config = EvaluateConfig(str(workdir), "modes", flags.num_samples)
            measured = trained.evaluate(config)
            protocol = measured.protocol
            found[name].append(measured.numbers)
            print(f"{name}, seed {seed}\n{measured.text}", flush=True)
    results.save(
        NAME,
        what="The modes of stacked digits that short trainings find",
        seed=0,
        protocol=f"{flags.dataset}, small net, width {flags.width_multiplier:g},"
        f" minibatches of {flags.batch_size}, {flags.num_steps:,} steps,"
        f" {flags.num_seeds} seeds; {protocol}",
        numbers={
            name: {"flags": VARIANTS[name], "by_seed": numbers}
            for name, numbers in found.items()
        },
    )
    return 0


def _list_flags(
    flags: argparse.Namespace, workdir: Path, seed: int, chosen: list[str]
) -> list[str]:
    source = [] if flags.source is None else [f"--source={flags.source}"]
    return [
        f"--dataset={flags.dataset}", *source, f"--data_dir={flags.data_dir}",
        f"--workdir={workdir}", f"--seed={seed}", f"--num_steps={flags.num_steps}",
        f"--width_multiplier={flags.width_multiplier}",
        f"--batch_size={flags.batch_size}", *chosen,
    ]  # fmt: skip


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--source", type=Path, help="MNIST's files, else loaded by tfds")
    add("--dataset", default="stacked_mnist", choices=modes.DATASETS)
    add("--data_dir", type=Path, default=Path("data"))
    add("--runs", type=Path, default=Path("runs"), help="folder of the runs")
    add("--num_seeds", type=int, default=1)
    add("--num_steps", type=int, default=1500)
    add("--num_samples", type=int, help="25,600 unless given")
    add("--width_multiplier", type=float, default=0.25)
    add("--batch_size", type=int, default=64)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
