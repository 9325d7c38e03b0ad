"""Three digits in the colour channels of one image, which has one of 1,000 classes.

How many of these a generator draws tells how many modes of the data it has found.

Source: Metz, Poole, Pfau & Sohl-Dickstein 2017, §3.3.1; the number of training images
is that of Srivastava et al. 2017 (VEEGAN), §4.1.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from dcgan_jax.config import DataConfig
from dcgan_jax.data import transforms
from dcgan_jax.prepare.sources.base import Record, Source
from dcgan_jax.system import errors

# The data set → that whose digits are stacked.
NAMES = {"stacked_mnist": "mnist", "stacked_digits": "digits"}
NUM_TRAINING, NUM_OTHERS = 128_000, 25_600
_SEED = 1611  # fixed, so that equal digits give equal stacks
# Of scikit-learn's digits, which have one split, these are for training.
_SHARE_OF_TRAINING = 0.8


class StackedSource:
    """Images whose three channels are digits drawn with a fixed seed.

    Args:
        digits: grey images of ten classes.
        rows: those that may be drawn.
        count: the number of stacks.
        value_range: as in a `Transform`.

    Raises:
        InputError: if the digits have not ten classes.
    """

    def __init__(
        self,
        digits: Source,
        rows: range,
        count: int,
        *,
        value_range: tuple[float, float] | None = None,
    ) -> None:
        if len(digits.class_names or ()) != 10:
            raise errors.InputError(
                "stacked digits need images with labels of ten classes, as MNIST's;"
                f" these have {len(digits.class_names or ()) or 'no'} classes."
            )
        self._digits, self._value_range = digits, value_range
        rng = np.random.default_rng([_SEED, len(rows)])
        self._rows = rng.choice(np.asarray(rows), (count, 3))
        self.class_names: tuple[str, ...] | None = tuple(f"{n:03}" for n in range(1000))
        self.fingerprint = digits.fingerprint

    def __len__(self) -> int:
        """Return the number of stacks."""
        return len(self._rows)

    def __getitem__(self, index: int) -> Record:
        """Read three digits; the label of 3 in red, 0 in green and 7 in blue is 307.

        Raises:
            BrokenImage: if one of them cannot be read.
        """
        records = [self._digits[int(row)] for row in self._rows[index]]
        channels = [
            transforms.open_upright(record.content, 1, value_range=self._value_range)
            for record in records
        ]
        labels = [record.label for record in records]
        label = None if None in labels else int("".join(map(str, labels)))
        return Record(
            f"stack {index}", np.stack([*map(np.asarray, channels)], axis=-1), label
        )

    def close(self) -> None:
        """Close the digits."""
        self._digits.close()


def open_stacked(
    config: DataConfig, open_digits: Callable[[DataConfig], Source]
) -> StackedSource:
    """Open the stacks of one of `NAMES`.

    Args:
        config: names it, the split and the user's own copy of the digits, if any.
        open_digits: opens the digits themselves.

    Raises:
        InputError: if the digits cannot be used.
    """
    name, split = NAMES[config.dataset], config.split
    is_cut = name == "digits" and config.source is None
    if is_cut and split not in ("train", "test"):
        raise errors.InputError(
            f"{config.dataset} has no split {split!r}; expected train or test"
        )
    inner = dataclasses.replace(
        config, dataset=name, split="train" if is_cut else split
    )
    digits = open_digits(inner)
    rows = range(len(digits))
    if is_cut:
        cut = int(_SHARE_OF_TRAINING * len(rows))
        rows = rows[:cut] if split == "train" else rows[cut:]
    count = NUM_TRAINING if split == "train" else NUM_OTHERS
    value_range = transforms.parse_range(config.value_range)
    return StackedSource(digits, rows, count, value_range=value_range)
