"""The parts of paper_figures.py's page: what each shows, and the command that makes it.

In a command {run} is the run's folder, {step} is the flag of its checkpoint, {data} is
the flag of the data's folder, and {picks} and {boxes} are files that a person has made.
"""

from pathlib import Path
from typing import NamedTuple


class PagePart(NamedTuple):
    """A part of the page.

    Attributes:
        name: how its files are called.
        title: the part's heading.
        caption: what is seen.
        arguments: what follows `python -m`; none: the part shows the training curves.
        needs: `picks` or `boxes`, if it cannot be made without them.
        advice: how picks or boxes are made.
        found: where in the run the picture lies if the command has no --out.
        suffix: the picture's form.
    """

    name: str
    title: str
    caption: str
    arguments: str = ""
    needs: str = ""
    advice: str = ""
    found: Path | None = None
    suffix: str = ".png"


PARTS = (
    PagePart(
        "samples",
        "Samples (Fig. 2, 3, 10, 11)",
        "Images of 100 latents of seed 0, by stored batch statistics; nothing is"
        " selected.",
        "dcgan_jax.sample {run} {step} --num=100",
    ),
    PagePart(
        "film",
        "Samples over training",
        "The same latents at every grid that training has drawn.",
        "dcgan_jax.visualize film {run} --max_width=400 --max_frames=40",
        suffix=".gif",
    ),
    PagePart(
        "curves",
        "Training curves",
        "Losses, the discriminator's mean outputs and gradient norms; below, the last"
        " row of the log. A GAN's losses do not tell how good its images are.",
    ),
    PagePart(
        "walk",
        "A walk in the latent space (Fig. 4)",
        "Series between random points. Sharp transitions would be a sign of"
        " memorisation (§6.1).",
        "dcgan_jax.latent walk {run} {step}",
    ),
    PagePart(
        "arithmetic",
        "Vector arithmetic (Fig. 7)",
        "Mean latents of exemplars of each concept, and what comes of adding and"
        " subtracting them (§6.3.2).",
        "dcgan_jax.latent arithmetic {run} {step} --picks={picks}",
        needs="picks",
        advice="choose exemplars by their numbers in a picture of `python -m"
        " dcgan_jax.sample RUN --numbered`, save them by `python -m dcgan_jax.latent"
        " arithmetic RUN --positive … --negative … --add … --save_picks=FILE`, then"
        " give --picks=FILE to paper_figures.py.",
    ),
    PagePart(
        "forget",
        "Forgetting an object (Fig. 6)",
        "The same latents before and after dropping the feature maps that a logistic"
        " regression has found to draw the object (§6.3.1).",
        "dcgan_jax.latent forget {run} {step} --boxes={boxes}",
        needs="boxes",
        advice="draw boxes around the object on a picture of `python -m"
        " dcgan_jax.sample RUN --numbered`, then give --boxes=FILE to"
        " paper_figures.py.",
    ),
    PagePart(
        "filters",
        "What the discriminator's filters respond to (Fig. 5)",
        "The nine images with the largest response of each filter of the last"
        " convolution, and guided gradients of these responses, grey where 0; to the"
        " left of an untrained network, to the right of this one (§6.2).",
        "dcgan_jax.visualize filters {run} {step} {data}",
    ),
    PagePart(
        "collapse",
        "Filters in a single mode (§7)",
        "The share of each filter's energy that one pattern holds, at every checkpoint"
        " measured; marked are filters that answer all inputs alike. Measures and"
        " thresholds are ours.",
        "dcgan_jax.visualize collapse {run} {data}",
    ),
    PagePart(
        "memorisation",
        "The nearest training images",
        "Left a sample, right the training image nearest to it in pixels. A copy would"
        " show; but neighbours in pixels are easily fooled by small transforms of an"
        " image (§6).",
        "dcgan_jax.evaluate {run} --metric=memorisation {step} {data}",
        found=Path("evaluation", "nearest_training_images.png"),
    ),
)
