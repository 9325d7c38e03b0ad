"""Pictures of a person's own: latents that stand beside a generator's samples.

They have numbers above those of the samples, and are found by them like any sample.
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dcgan_jax.latent import latent_file, picks as pick_files
from dcgan_jax.latent.latent_file import LatentFile
from dcgan_jax.sample.numbered import NumberedGenerator
from dcgan_jax.system import errors

FIRST_NUMBER = pick_files.MAX_NUMBER + 1
_MOST = 100
LAST_NUMBER = FIRST_NUMBER + _MOST - 1


@dataclasses.dataclass(frozen=True)
class OwnGenerator(NumberedGenerator):
    """A generator whose samples have latents of a person's own beside them.

    Attributes:
        own: (latent_size,) each; the first has the number FIRST_NUMBER.
    """

    own: Sequence[np.ndarray] = ()

    def pick(self, numbers: Sequence[int]) -> np.ndarray:
        """Return latents by number, (count, latent_size).

        Raises:
            InputError: if there is no own picture of one of the numbers.
        """
        ordinary = [number for number in numbers if number < FIRST_NUMBER]
        rows = iter(super().pick(ordinary)) if ordinary else iter(())
        return np.stack([
            next(rows) if number < FIRST_NUMBER else self._find(number)
            for number in numbers
        ])  # fmt: skip

    def _find(self, number: int) -> np.ndarray:
        index = number - FIRST_NUMBER
        if index >= len(self.own):
            raise errors.InputError(
                f"sample {number} was asked for, which is none; samples have numbers "
                f"to {pick_files.MAX_NUMBER:,}, and there are {len(self.own)} pictures "
                f"of your own from {FIRST_NUMBER:,} on."
            )
        return self.own[index]


def check_room(latents: Sequence[np.ndarray]) -> None:
    """Refuse one more picture where there are as many as the numbers allow.

    Raises:
        InputError: if there are.
    """
    if len(latents) >= _MOST:
        raise errors.InputError(
            f"there are {len(latents)} of them already; move some of the files "
            f"own-….json out of the run's folder, and start the explorer again."
        )


def save(found: LatentFile, folder: Path) -> Path:
    """Write a latent into a folder, under the first free name; return its path."""
    names = (folder / f"own-{number}.json" for number in range(1, 10 * _MOST))
    path = next(path for path in names if not path.exists())
    latent_file.save_latent(found, path)
    return path


def read_all(folder: Path, latent_size: int) -> list[np.ndarray]:
    """Return the latents that `save` has written; files that do not fit are left out.

    Args:
        folder: their folder.
        latent_size: the number of coordinates that they have.
    """
    found = []
    for path in sorted(
        folder.glob("own-*.json"), key=lambda path: (len(path.name), path)
    ):
        with contextlib.suppress(errors.InputError):
            latent = latent_file.read_latent(path).latent
            if latent.shape == (latent_size,):
                found.append(latent)
    return found[:_MOST]


def call(number: int) -> str:
    """Return what the page calls a sample."""
    return str(number) if number < FIRST_NUMBER else f"own {number - FIRST_NUMBER + 1}"


def check_numbered(groups: dict[str, tuple[int, ...]]) -> None:
    """Refuse own pictures where a file names samples by their seed and number.

    Raises:
        InputError: if there is one among the groups.
    """
    found = [n for numbers in groups.values() for n in numbers if n >= FIRST_NUMBER]
    if found:
        raise errors.InputError(
            f"{call(found[0])} is a picture of your own, and a file of picks names "
            "samples of a seed alone; take it out of its group first."
        )
