"""The nearest training image of each sample, which tells whether samples are copies.

The paper looks for memorisation in walks (§6.1); this finds copies in pixel space.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import candidate as candidates, nearest_neighbour
from dcgan_jax.evaluate.candidate import Candidate, Measured, require_pixels
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import Metric, find_num_samples
from dcgan_jax.pictures import grid
from dcgan_jax.sample.numbered import SampleStream

_PAIRS_A_ROW = 5


class Distances(NamedTuple):
    """Root mean square distances to the nearest training image, in grey levels.

    Attributes:
        samples: the median over the samples.
        closest: the smallest distance of a sample; 0 would be a copy.
        unseen: the median over as many images that were held out of training; None if
            there are none.
    """

    samples: float
    closest: float
    unseen: float | None


def find_copies(
    samples: np.ndarray, train: Store, *, num_rows: int, picture: Path
) -> Distances:
    """Find the nearest training image of samples, and of images like them.

    Args:
        samples: uint8 (n, height, width, channels).
        train: the images, of which the generator was trained on the first `num_rows`;
            the others were held out.
        num_rows: the number of training images.
        picture: the file for a grid of pairs: a sample and, to its right, the nearest.
    """
    held_out = np.arange(num_rows, len(train))[: len(samples)]
    images = np.concatenate([samples, train.rows(held_out).images])
    found = nearest_neighbour.find_in_store(images, train, num_rows=num_rows)
    neighbours = train.rows(np.asarray(found.rows)[: len(samples)]).images
    distances = np.sqrt(np.asarray(found.distances, np.float64) / images[0].size)
    pairs = np.concatenate([samples, neighbours], axis=2)
    picture.parent.mkdir(parents=True, exist_ok=True)
    grid.save_picture(grid.make_grid(pairs, columns=_PAIRS_A_ROW, gap=6), picture)
    ours, unseen = distances[: len(samples)], distances[len(samples) :]
    return Distances(
        float(np.median(ours)),
        float(ours.min()),
        float(np.median(unseen)) if len(unseen) else None,
    )


def _run(config: EvaluateConfig, candidate: Candidate) -> Measured:
    loaded, train, num_rows = candidate
    count = find_num_samples(config)
    picture = candidates.folder(config) / "nearest_training_images.png"
    outcome = find_copies(
        SampleStream(loaded, config.seed).images(count),
        train,
        num_rows=num_rows,
        picture=picture,
    )
    protocol = (
        f"root mean square distance in grey levels of {count:,} samples to the nearest"
        f" of {num_rows:,} training images, and of as many that were held out"
    )
    lines = [
        f"pairs     {picture}",
        f"samples   {outcome.samples:.1f} grey levels from the nearest training image"
        f" (median), {outcome.closest:.1f} at least",
    ]
    if outcome.unseen is not None:
        lines.append(f"held out  {outcome.unseen:.1f} (median)")
    return Measured(protocol, outcome._asdict(), "\n".join(lines))


def _check(config: EvaluateConfig, trained: TrainConfig) -> None:
    require_pixels(config, trained)
    candidates.require_folder(config)


METRIC = Metric(
    run=_run,
    check=_check,
    list_splits=lambda config: (),
    num_samples=50,  # as many as one picture shows well
    least_images=1,
    most_samples=10_000,  # one picture shows all of them
)
