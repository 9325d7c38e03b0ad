"""Fig. 8: new samples moved along the axis between the means of two groups.

python experiments/paper/fig08_turn.py --run=authors_svhn --weights_dir=WEIGHTS_DIR

Takes seconds. The paper turns faces from left to right. House numbers have no pose: the
four exemplars a side of experiments/picks/fig08_turn.json are dark digits on a light
ground and light digits on a dark one. For another run see fig07_arithmetic.py.
"""

import functools

from dcgan_jax import cli
from experiments.paper import latent_figures

NAME = "fig08_turn"
WHAT = "new samples along the axis between two groups of four exemplars"

if __name__ == "__main__":
    draw = functools.partial(latent_figures.draw_exemplars, __doc__, NAME, WHAT)
    cli.run_main(draw)
