"""scikit-learn's 1,797 scanned digits, which its wheel ships."""

import hashlib

import numpy as np

from dcgan_jax.prepare.sources.base import Record
from dcgan_jax.system import errors


class DigitsSource:
    """8×8 grey images of handwritten digits, values 0 … 16 stretched to 0 … 255.

    Source: Alpaydin & Kaynak 1998, UCI ML Repository, test part.
    """

    def __init__(self, split: str) -> None:
        if split != "train":
            raise errors.InputError(
                f"digits has no split {split!r}; all of it is 'train'"
            )
        from sklearn import datasets

        digits = datasets.load_digits()
        self._images = np.rint(digits.images * (255.0 / 16.0)).astype(np.uint8)
        self._labels = digits.target.astype(np.int32)
        content = self._images.tobytes() + self._labels.tobytes()
        self.fingerprint = hashlib.sha256(content).hexdigest()
        self.class_names: tuple[str, ...] | None = tuple("0123456789")

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def __getitem__(self, index: int) -> Record:
        """Return one image."""
        return Record(f"digit {index}", self._images[index], int(self._labels[index]))

    def close(self) -> None:
        """Do nothing: all is in memory."""
