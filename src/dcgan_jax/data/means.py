"""The mean image of a data set."""

import numpy as np

from dcgan_jax.data.batches import RowStore

_BLOCK_ROWS = 1024


def mean_image(rows: RowStore, num_rows: int) -> np.ndarray:
    """Average the first rows of a data set, exactly.

    Args:
        rows: the data.
        num_rows: the number of rows that count.

    Returns:
        float64 (height, width, channels), 0 … 255.
    """
    total: np.ndarray | int = 0
    for start in range(0, num_rows, _BLOCK_ROWS):
        indices = np.arange(start, min(start + _BLOCK_ROWS, num_rows))
        rows.will_read(indices)
        total = total + rows.rows(indices).images.sum(axis=0, dtype=np.uint64)
    return np.asarray(total, np.float64) / num_rows
