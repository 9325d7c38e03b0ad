"""Samples of the same latents on a run's way, and whether they still vary."""

import functools
from typing import Any

import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.gan import keys
from dcgan_jax.gan.nets import Nets
from dcgan_jax.sample import draw as sampling, numbered
from dcgan_jax.train.reporter import GRID_COLUMNS

NUM_SAMPLES = 100
# Below this share of the data's own diversity the samples are taken for collapsed.
COLLAPSED_SHARE = 0.1
# Before this step the samples are still almost the grey that the weights begin with.
WARM_UP_STEPS = 200


class FixedSamples:
    """Draws the samples of a run's fixed latents.

    Args:
        config: of the run.
        nets: its networks.
        store: its data.
    """

    def __init__(self, config: TrainConfig, nets: Nets, store: Store) -> None:
        self._store = store
        self._sampler = sampling.make_sampler(nets.generator)
        self._latents, self._labels = numbered.arrange_grid(
            nets.draw_latents,
            config,
            count=NUM_SAMPLES,
            columns=GRID_COLUMNS,
            seed=config.seed,
            purpose=keys.Purpose.FIXED_LATENTS,
        )

    def draw(self, variables: dict[str, Any]) -> np.ndarray:
        """Draw uint8 (count, height, width, channels) from {params, batch_stats}."""
        return self._sampler(variables, self._latents, self._labels)

    def find_collapse(self, step: int, images: np.ndarray) -> str | None:
        """Return a warning where samples hardly differ from each other, or None."""
        diversity = sampling.measure_diversity(images)
        least = COLLAPSED_SHARE * self._data_diversity
        if step < WARM_UP_STEPS or diversity >= least:
            return None
        return (
            f"warning: the generator may have collapsed at step {step}: its samples "
            f"differ by {diversity:.1f} grey levels on average, the data by "
            f"{self._data_diversity:.1f}."
        )

    def pick_real(self) -> np.ndarray:
        """Return real images uint8 (count, …) in the places of the samples.

        Where the samples have classes, each is of its place's class as long as there
        are any; else another image stands there.
        """
        rows = np.arange(len(self._latents)) % len(self._store)
        if self._labels is not None and self._store.labels is not None:
            known = self._store.labels
            for label in np.unique(self._labels):
                places = np.flatnonzero(self._labels == label)
                own = np.flatnonzero(known == label)[: len(places)]
                rows[places[: len(own)]] = own
        return self._store.rows(rows).images

    @functools.cached_property
    def _data_diversity(self) -> float:
        probe = np.linspace(0, len(self._store) - 1, NUM_SAMPLES).astype(int)
        return sampling.measure_diversity(self._store.rows(probe).images)
