"""Fig. 9: MNIST digits of the conditional DCGAN, of the dense GAN, and real ones.

python experiments/paper/fig09_mnist_samples.py --runs=runs

Needs the two runs of table3_mnist_nearest.py; takes seconds. One class a row: first the
real images, then the GAN's, then the DCGAN's.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_jax import cli
from dcgan_jax.config import data_config
from dcgan_jax.data import kept_rows
from dcgan_jax.pictures import grid
from dcgan_jax.runs import load as loading
from dcgan_jax.sample.numbered import SampleStream
from experiments import results

COLUMNS = 10
SCALE = 2


def main(argv: Sequence[str]) -> int:
    parser = results.make_parser(__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args(argv)
    drawn, runs = {}, {}
    for preset in ("mnist_mlp", "mnist_conditional"):
        loaded = loading.load_generator(str(flags.runs / preset))
        runs[preset] = {
            "step": loaded.step,
            "width_multiplier": loaded.config.width_multiplier,
        }
        # Samples' classes take turns; here each has a row of its own.
        images = SampleStream(loaded, flags.seed).images(10 * COLUMNS)
        drawn[preset] = images.reshape(COLUMNS, 10, *images.shape[1:]).swapaxes(0, 1)
    store = kept_rows.open_training_store(data_config(loaded.config))
    labels = store.labels()
    rows = [np.flatnonzero(labels == digit)[:COLUMNS] for digit in range(10)]
    real = store.rows(np.concatenate(rows)).images
    parts = [real, *(part.reshape(real.shape) for part in drawn.values())]
    pictures = [grid.make_grid(part, columns=COLUMNS) for part in parts]
    out = results.FOLDER / "fig09_mnist_samples.png"
    grid.save_image(grid.place_beside(pictures), out, scale=SCALE)
    results.save(
        "fig09_mnist_samples",
        what="MNIST: real images, samples of the dense GAN and of the DCGAN",
        seed=flags.seed,
        protocol="the picture beside this file, left to right; stored batch statistics",
        numbers=runs,
    )
    print(out)
    return 0


if __name__ == "__main__":
    cli.run_main(main)
