"""The flags of the experiments on the latent space, and figures of exemplars."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dcgan_jax import cli
from dcgan_jax.latent import arithmetic
from dcgan_jax.latent.arithmetic import ArithmeticConfig
from experiments import results

PICKS = Path(__file__).parents[1] / "picks"


def make_parser(doc: str | None, *, name: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that say which generator, and where to write."""
    parser = results.make_parser(doc)
    add = parser.add_argument
    add("--run", default="authors_svhn")
    add("--weights_dir", type=Path, help="folder of the authors' parameters")
    add("--name", default=name, help="of the files in experiments/results")
    add("--seen", help="what the picture shows, in words, for the result file")
    return parser


def draw_exemplars(doc: str | None, name: str, what: str, argv: Sequence[str]) -> int:
    """Run an experiment on exemplars from a file of picks; return the exit code.

    Args:
        doc: its description.
        name: what the result and the default run's picks are called.
        what: the numbers are, in one line.
        argv: its arguments.
    """
    parser = make_parser(doc, name=name)
    parser.add_argument("--picks", type=Path, default=PICKS / f"{name}.json")
    flags = parser.parse_args(argv)
    cli.configure_logging()
    config = ArithmeticConfig(
        run=flags.run,
        weights_dir=flags.weights_dir,
        picks=flags.picks,
        out=results.FOLDER / f"{flags.name}.png",
    )
    arithmetic.check(config)
    outcome = arithmetic.run(config)
    print(outcome.text)
    results.save(
        flags.name,
        what=what,
        seed=outcome.numbers["seed"],
        protocol=outcome.protocol,
        numbers={**outcome.numbers, "seen": flags.seen},
    )
    return 0
