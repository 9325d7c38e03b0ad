"""House numbers from the authors' own parameters, which prove our layers right.

python experiments/paper/authors_svhn.py WEIGHTS_DIR

Draws the README's grid, and lets the authors' discriminator score what their generator
draws through our layers. At the end of its training it knew its opponent well: it calls
those images generated, and it no longer does with kernels left as Theano stores them.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dcgan_jax import models
from dcgan_jax.gan import losses
from dcgan_jax.models import batch_statistics, pixels
from dcgan_jax.pictures import grid
from dcgan_jax.runs import authors, load as loading
from dcgan_jax.sample import draw as sampling, numbered
from experiments import results

NUM_IMAGES = 1000


def main() -> int:
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} WEIGHTS_DIR", file=sys.stderr)
        return 2
    weights_dir = Path(sys.argv[1])
    loaded = loading.load_generator("authors_svhn", weights_dir=weights_dir)
    latents = numbered.draw_latents(loaded.draw_latents, 0, count=NUM_IMAGES)
    images = sampling.make_sampler(loaded.network)(loaded.variables, latents)
    picture = grid.make_grid(images[:100])
    grid.save_image(picture, results.FOLDER / "authors_svhn.png", scale=2)
    params = authors.read_discriminator(authors.SVHN, weights_dir)
    results.save(
        "authors_svhn",
        what="E[D(G(z))] of the authors' SVHN pair through our layers",
        command="python experiments/paper/authors_svhn.py WEIGHTS_DIR",
        seed=0,
        protocol=f"{NUM_IMAGES} images; the generator's batch statistics are means of "
        "4,096 latents, the discriminator's over these images",
        numbers={
            "score": score(params, images),
            "score_discriminator_kernels_not_flipped": score(unflip(params), images),
        },
    )
    return 0


def score(params: Any, images: np.ndarray) -> float:
    """Return the mean probability of being real that a discriminator gives images."""
    network = models.make_discriminator(authors.release_config(authors.SVHN))
    scaled = pixels.scale_images(images, "tanh")
    batches = np.split(np.asarray(scaled), 10)
    stats = batch_statistics.estimate(network, params, batches)
    variables = {"params": params, "batch_stats": stats}
    logits, _ = network.apply(variables, scaled, train=False)
    return float(losses.mean_probability(logits))


def unflip(params: Any) -> Any:
    """Undo the flip of every convolution's kernel."""
    return jax.tree.map(
        lambda leaf: leaf[::-1, ::-1] if leaf.ndim == 4 else leaf, params
    )


if __name__ == "__main__":
    sys.exit(main())
