"""Fig. 2: bedrooms after one pass through the data.

python experiments/paper/fig02_one_epoch.py

Trains `lsun_bedroom` for an epoch, and shows samples beside real images. Cost: hours on
a GPU, after 46 GB of data. fig03_five_epochs.py goes on with the same run. Without LSUN
any data set stands in, and the caption says so:

python experiments/paper/fig02_one_epoch.py --dataset=folder --source=my_pictures.zip

--run=FOLDER --step=N shows a run that is there already. Stopped, the same command goes
on. Expected: blurred rooms with beds; the paper argues that one pass with small steps
cannot have memorised them.
"""

import functools

from dcgan_jax import cli
from experiments.paper import sample_figure

FIGURE = sample_figure.SampleFigure(
    name="fig02_one_epoch",
    title="Fig. 2, one epoch",
    preset="lsun_bedroom",
    epochs=(1,),
)


if __name__ == "__main__":
    cli.run_main(functools.partial(sample_figure.draw, FIGURE, __doc__))
