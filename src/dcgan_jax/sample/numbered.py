"""A generator with its numbered samples: those of `sample --numbered`."""

import dataclasses
import functools
import hashlib
from pathlib import Path

import numpy as np
from flax import traverse_util

from dcgan_jax.gan import keys
from dcgan_jax.runs import load as loading
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample import draw as sampling, labels
from dcgan_jax.system import errors


@dataclasses.dataclass(frozen=True)
class NumberedGenerator:
    """Draws samples by number, and images of latents from anywhere.

    Attributes:
        loaded: the generator.
        seed: of the numbered samples.
        label: the class of every image; None for a generator without.
        sampler: the compiled generator.
    """

    loaded: LoadedGenerator
    seed: int
    label: int | None
    sampler: sampling.Sampler

    def latents(self, count: int) -> np.ndarray:
        """Return the latents of the first samples, (count, latent_size)."""
        key = keys.make_key(self.seed, keys.Purpose.SAMPLES)
        return sampling.draw_latents(self.loaded.draw_latents, key, count)

    def draw(self, latents: np.ndarray) -> np.ndarray:
        """Draw images of latents.

        Args:
            latents: (…, latent_size).

        Returns:
            uint8 (…, height, width, channels).
        """
        *lead, size = latents.shape
        rows = latents.reshape(-1, size)
        classes = labels.choose(
            self.label, num_classes=self.loaded.config.num_classes, count=len(rows)
        )
        images = self.sampler(self.loaded.variables, rows, classes)
        return images.reshape(*lead, *images.shape[1:])

    @functools.cached_property
    def identity(self) -> str:
        """The sha256 of its parameters: the same in a run, its export, a copy."""
        digest = hashlib.sha256()
        params = traverse_util.flatten_dict(self.loaded.variables["params"], sep="/")
        for name, leaf in sorted(params.items()):
            array = np.ascontiguousarray(leaf, np.float32)
            digest.update(f"{name} {array.shape} ".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def open_generator(
    run: str,
    *,
    weights_dir: Path | None,
    step: int | None,
    seed: int,
    label: int | None,
    ema: bool = False,
) -> NumberedGenerator:
    """Load a generator to draw images of one class, if it has classes.

    Args:
        run: as in `loading.load_generator`, `weights_dir`, `step` and `ema` too.
        weights_dir: folder of the authors' files.
        step: of the checkpoint; None: the newest.
        seed: of the numbered samples.
        label: the class, which a conditional generator needs.
        ema: take the generator's average.

    Raises:
        MissingInputError: if there is nothing there.
        InputError: if what is there is damaged, or the label does not suit it.
    """
    loaded = loading.load_generator(run, weights_dir=weights_dir, step=step, ema=ema)
    num_classes = loaded.config.num_classes
    if num_classes is not None and label is None:
        raise errors.InputError(
            f"{run} is conditional; choose the class with --label=0 … {num_classes - 1}"
        )
    labels.choose(label, num_classes=num_classes, count=0)
    return NumberedGenerator(loaded, seed, label, sampling.make_sampler(loaded.network))
