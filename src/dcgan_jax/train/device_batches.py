"""Minibatches on the device: pixels that travel there, or rows of data that stay there.

Both ways give a step the same bits.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.data.batches import Batch, RowStore
from dcgan_jax.system import backend
from dcgan_jax.train import mesh

# Share of a device's memory that a data set may take for good; the rest is the nets'.
_RESIDENT_SHARE = 1 / 8
_UPLOAD_BYTES = 64 << 20


class ResidentBatches(NamedTuple):
    """The minibatches of several steps, as rows of data that lie on the device.

    Attributes:
        data: all images (rows, height, width, channels) and labels (rows,) or None, on
            the device.
        rows: int32 (capacity, k, batch).
    """

    data: Batch
    rows: jax.Array


# The minibatches of several steps: images (capacity, k, batch, height, width, channels)
# and labels (capacity, k, batch) or None; or the rows that they are.
DeviceBatches = Batch | ResidentBatches


def count_steps(batches: DeviceBatches) -> int:
    """Return for how many steps there is room."""
    if isinstance(batches, ResidentBatches):
        return len(batches.rows)
    return batches.images.shape[0]


def take_step(batches: DeviceBatches, index: jax.Array) -> Batch:
    """Return one step's images (k, batch, height, width, channels) and labels."""
    if isinstance(batches, ResidentBatches):
        rows = batches.rows[index]
        return jax.tree.map(
            lambda array: array.at[rows].get(mode="promise_in_bounds"), batches.data
        )
    return jax.tree.map(lambda array: array[index], batches)


def fits_device(num_bytes: int) -> bool:
    """Tell whether a data set should lie on the default device whole.

    On a CPU there is nothing to gain: its memory is the device's.
    """
    if not backend.is_accelerator():
        return False
    statistics = jax.local_devices()[0].memory_stats() or {}
    return num_bytes <= _RESIDENT_SHARE * statistics.get("bytes_limit", 0)


def upload(rows: RowStore) -> Batch:
    """Copy a whole data set to every device, a piece at a time."""
    one = rows.rows(np.arange(1)).images
    images: Any = jnp.zeros((len(rows), *one.shape[1:]), jnp.uint8)
    # Donated, so that the device holds the data once.
    write = jax.jit(jax.lax.dynamic_update_slice, donate_argnums=0)
    labels = []
    piece_rows = max(1, _UPLOAD_BYTES // one.nbytes)
    for start in range(0, len(rows), piece_rows):
        indices = np.arange(start, min(start + piece_rows, len(rows)))
        rows.will_read(indices)
        piece = rows.rows(indices)
        images = write(images, piece.images, (start, 0, 0, 0))
        if piece.labels is not None:
            labels.append(piece.labels)
    on_device = Batch(images, np.concatenate(labels) if labels else None)
    return mesh.replicate(on_device)
