"""Fig. 7: A − B + C of mean latents, its neighbours, and the same with pixels.

python experiments/paper/fig07_arithmetic.py --run=authors_svhn --weights_dir=DIR

Takes seconds. The exemplars are those of experiments/picks/fig07_arithmetic.json: A
light digits on blue, B dark digits on grey, C dark digits on warm colours. For another
run, pick some from `python -m dcgan_jax.sample RUN --numbered`, let
`python -m dcgan_jax.latent arithmetic RUN … --save_picks=FILE` write them down, and
give --picks=FILE and another --name.
"""

import functools

from dcgan_jax import cli
from experiments.paper import latent_figures

NAME = "fig07_arithmetic"
WHAT = "arithmetic on the mean latents of three exemplars a concept"

if __name__ == "__main__":
    draw = functools.partial(latent_figures.draw_exemplars, __doc__, NAME, WHAT)
    cli.run_main(draw)
