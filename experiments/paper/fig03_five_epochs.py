"""Fig. 3: bedrooms after five epochs, from the run of Fig. 2.

python experiments/paper/fig03_five_epochs.py

Trains `lsun_bedroom` on from where fig02_one_epoch.py left it, or from the start, and
keeps the checkpoint of the first epoch: one run, two moments. Flags, cost and stand-ins
as there; both scripts must be given the same. Expected: sharper rooms; the paper sees
noise textures that repeat over several samples, a sign of under-fitting.
"""

import functools

from dcgan_jax import cli
from experiments.paper import sample_figure

FIGURE = sample_figure.SampleFigure(
    name="fig03_five_epochs",
    title="Fig. 3, five epochs",
    preset="lsun_bedroom",
    epochs=(1, 5),
)


if __name__ == "__main__":
    cli.run_main(functools.partial(sample_figure.draw, FIGURE, __doc__))
