"""Fig. 2 of the 2014 paper: samples of its four GANs beside real images.

python experiments/paper/goodfellow_fig02.py mnist

Trains the recipe of 2014 that is named: mnist (2a), faces (2b), cifar10, the dense one
(2c), or cifar10_conv (2d). Cost: minutes on a GPU for mnist, an hour for the others;
hours on a CPU. The Toronto Face Database is given out on request only, so that other
faces stand in for it, and the caption says so:

python experiments/paper/goodfellow_fig02.py faces --source=my_faces.zip

The paper's rightmost column, the training images nearest to the samples, is drawn by
`dcgan evaluate RUN --metric=memorisation`. Stopped, the same command goes on.
"""

from collections.abc import Sequence

from dcgan_jax import cli
from experiments import results
from experiments.paper import sample_figure

NETS = {"mnist": "a", "faces": "b", "cifar10": "c", "cifar10_conv": "d"}


def main(argv: Sequence[str]) -> int:
    others_are = "Further flags are those of fig10_faces.py."
    parser = results.make_parser(__doc__, epilog=others_are, allow_abbrev=False)
    parser.add_argument("net", choices=NETS, help="the part of the figure")
    flags, others = parser.parse_known_args(argv)
    figure = sample_figure.SampleFigure(
        name=f"goodfellow_fig02_{flags.net}",
        title=f"Fig. 2{NETS[flags.net]} of 2014, {flags.net}",
        preset=f"goodfellow_{flags.net}",
    )
    return sample_figure.draw(figure, __doc__, others)


if __name__ == "__main__":
    cli.run_main(main)
