"""Parzen windows of the 2014 GAN on MNIST (Goodfellow et al. 2014, Table 1).

python experiments/paper/goodfellow_parzen.py

Trains `goodfellow_mnist`, then measures. Cost: 250 epochs take minutes on a GPU, hours
on two CPU cores (--num_epochs ends earlier and says so in the result); the measure half
a minute. Expected: 225 ± 2 nats. Stopped, the same command goes on.

--source=mnist.npz reads MNIST from an array file in place of tfds.
"""

import shutil
from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.runs import folder as run_dir
from experiments import results, trained

NAME = "goodfellow_parzen"


def main(argv: Sequence[str]) -> int:
    flags = trained.make_parser(__doc__, num_epochs=250.0).parse_args(argv)
    cli.configure_logging()
    workdir = flags.runs / "goodfellow_mnist"
    chosen = trained.list_flags(flags, num_epochs=flags.num_epochs)
    about = trained.train("goodfellow_mnist", workdir, chosen)
    config = EvaluateConfig(run=str(workdir), metric="parzen", seed=flags.seed)
    measured = trained.evaluate(config)
    print(measured.text)
    grid = max((workdir / run_dir.SAMPLES).glob("*.png"))
    shutil.copy(grid, results.FOLDER / f"{NAME}.png")
    results.save(
        NAME,
        what="MNIST: Parzen-window log-likelihood of the 2014 GAN, nats per image",
        seed=flags.seed,
        protocol=measured.protocol,
        numbers={**measured.numbers, "run": about},
    )
    return 0


if __name__ == "__main__":
    cli.run_main(main)
