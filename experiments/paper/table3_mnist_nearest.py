"""Table 3 and §8.1: nearest neighbours of MNIST's test images among samples.

python experiments/paper/table3_mnist_nearest.py

Trains the conditional DCGAN and its dense baseline, 200 epochs each, then counts. Cost:
about an hour on a GPU; on two CPU cores ten hours for the DCGAN at full width, or a
quarter of one with --width_multiplier=0.25 --num_epochs=25, and minutes for every
million samples. Expected, in %: DCGAN 2.98 with 50K samples and 1.48 with 10M, GAN 6.28
and 5.65, the 50,000 training images 3.1. Stopped, the same command goes on.

--source=mnist.npz reads MNIST from an array file in place of tfds.
"""

import argparse
from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.evaluate.config import EvaluateConfig
from experiments import results, trained

RUNS = {"dcgan": "mnist_conditional", "gan": "mnist_mlp"}


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    cli.configure_logging()
    numbers: dict[str, dict[str, object]] = {}
    asked = {"dcgan": flags.num_samples, "gan": flags.num_gan_samples}
    for row, preset in RUNS.items():
        workdir = flags.runs / preset
        about = trained.train(preset, workdir, _list_train_flags(flags, row))
        config = EvaluateConfig(
            run=str(workdir),
            metric="nearest_neighbour",
            num_samples=asked[row],
            seed=flags.seed,
        )
        measured = trained.evaluate(config)
        print(f"{row}\n{measured.text}", flush=True)
        found = measured.numbers
        numbers[row] = found["error_percent"]
        numbers["real"] = {str(found["num_real"]): found["real_error_percent"]}
        numbers.setdefault("runs", {})[row] = about
        results.save(
            "table3_mnist_nearest",
            what="MNIST: test error in % of 1-NN on generated samples, by their number",
            seed=flags.seed,
            protocol=measured.protocol,
            numbers=numbers,
        )
    return 0


def _list_train_flags(flags: argparse.Namespace, row: str) -> list[str]:
    """Return the flags of a row's training; the baseline has a size of its own."""
    width, num_epochs = flags.width_multiplier, flags.num_epochs
    if row == "gan":
        width = flags.gan_width_multiplier
        if flags.gan_num_epochs is not None:
            num_epochs = flags.gan_num_epochs
    shared = trained.list_flags(flags, num_epochs=num_epochs)
    return [*shared, f"--width_multiplier={width}"]


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = trained.make_parser(__doc__, num_epochs=200.0)
    add = parser.add_argument
    add("--width_multiplier", type=float, default=1.0, help="the DCGAN's")
    add("--gan_width_multiplier", type=float, default=1.0, help="the dense GAN's")
    add("--gan_num_epochs", type=float, help="its own; default: num_epochs")
    add("--num_samples", type=int, default=10_000_000)
    add("--num_gan_samples", type=int, default=10_000_000)
    return parser.parse_args(argv)


if __name__ == "__main__":
    cli.run_main(main)
