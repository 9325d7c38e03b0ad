"""Fig. 11: ImageNet-1k at 32×32 (§4.3).

python experiments/paper/fig11_imagenet.py --source=ILSVRC_FOLDER

Trains `imagenet32`, and shows samples beside real images. Cost: hours on a GPU. Other
natural images stand in for ImageNet, and the caption says so:

python experiments/paper/fig11_imagenet.py --dataset=folder --source=cifar10-part.zip

--run=FOLDER shows a run that is there already. Stopped, the same command goes on.
Expected: colours, textures and outlines of natural images, few objects one could name.
"""

import functools

from dcgan_jax import cli
from experiments.paper import sample_figure

FIGURE = sample_figure.SampleFigure(
    name="fig11_imagenet", title="Fig. 11, ImageNet", preset="imagenet32"
)


if __name__ == "__main__":
    cli.run_main(functools.partial(sample_figure.draw, FIGURE, __doc__))
