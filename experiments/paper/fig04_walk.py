"""Fig. 4: a walk between nine random points of the latent space.

python experiments/paper/fig04_walk.py --run=authors_svhn --weights_dir=WEIGHTS_DIR

Takes half a minute. A row from each point to the next, and how evenly its images
change, at the steps shown and at three times as many: the largest step stays about the
same multiple of the median one where change is smooth, and becomes three times it where
there is a jump, the sign of memorisation (§6.1). --film writes a GIF too.
"""

import dataclasses
from collections.abc import Sequence

from dcgan_jax import cli
from dcgan_jax.latent import walk
from dcgan_jax.latent.walk import WalkConfig
from experiments import results
from experiments.paper import latent_figures

FINER = 3


def main(argv: Sequence[str]) -> int:
    parser = latent_figures.make_parser(__doc__, name="fig04_walk")
    add = parser.add_argument
    add("--seed", type=int, default=0)
    add("--label")
    add("--film", action="store_true")
    flags = parser.parse_args(argv)
    cli.configure_logging()
    config = WalkConfig(
        run=flags.run,
        weights_dir=flags.weights_dir,
        seed=flags.seed,
        label=flags.label,
    )
    suffixes = [".png", ".gif"] if flags.film else [".png"]
    outs = [results.FOLDER / f"{flags.name}{suffix}" for suffix in suffixes]
    shown = walk.run(config, outs=outs)
    print(shown.text)
    finer = walk.run(dataclasses.replace(config, steps=FINER * config.steps), outs=[])
    results.save(
        flags.name,
        what="how evenly the images of a walk between nine random points change",
        seed=flags.seed,
        protocol=shown.protocol,
        numbers={
            **shown.numbers,
            f"with_{FINER}_times_the_steps": finer.numbers,
            "seen": flags.seen,
        },
    )
    return 0


if __name__ == "__main__":
    cli.run_main(main)
