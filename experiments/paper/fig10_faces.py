"""Fig. 10: faces.

python experiments/paper/fig10_faces.py

Trains `celeb_a` (§4.2's own faces were never released), and shows samples beside real
images. Cost: hours on a GPU. Other faces, such as those that `prepare --faces` cuts out
of photographs, can stand in:

python experiments/paper/fig10_faces.py --dataset=folder --source=faces

--width_multiplier=0.25 makes a net that a CPU can train.

--run=FOLDER shows a run that is there already. Stopped, the same command goes on.
Expected: faces of many ages, poses and lights.
"""

import functools

from dcgan_jax import cli
from experiments.paper import sample_figure

FIGURE = sample_figure.SampleFigure(
    name="fig10_faces", title="Fig. 10, faces", preset="celeb_a"
)


if __name__ == "__main__":
    cli.run_main(functools.partial(sample_figure.draw, FIGURE, __doc__))
