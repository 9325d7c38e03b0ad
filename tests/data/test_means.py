import numpy as np
import pytest

from dcgan_jax.data import means
from dcgan_jax.data.batches import Batch


class Rows:
    """3,000 images in memory; notes which rows are read."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (3000, 4, 5, 3), np.uint8)
        self.read = []

    def __len__(self):
        return len(self.images)

    def rows(self, indices, out=None):
        self.read += indices.tolist()
        return Batch(self.images[indices], None)

    def will_read(self, indices):
        pass


@pytest.mark.parametrize("num_rows", [1, 1023, 1024, 1025, 3000])
def test_the_mean_image_is_that_of_the_first_rows(num_rows):
    rows = Rows()
    found = means.mean_image(rows, num_rows)
    exact = rows.images[:num_rows].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(found, exact, rtol=1e-13)
    assert rows.read == list(range(num_rows))
