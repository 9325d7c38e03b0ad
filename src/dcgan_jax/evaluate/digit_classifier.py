"""A small network that reads digits, trained on the channels of stacked images."""

import dataclasses
import functools
import io
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from dcgan_jax import models, presets
from dcgan_jax.config import ImageSize
from dcgan_jax.data import batches
from dcgan_jax.data.batches import Batch, Schedule
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import modes
from dcgan_jax.features import classifier
from dcgan_jax.features.classifier import Classifier, Plan, Rates
from dcgan_jax.gan import keys
from dcgan_jax.gan.state import PyTree
from dcgan_jax.models import pixels
from dcgan_jax.system import backend, disk, npy_file, progress

VERSION = 1  # of the settings below: an older file is not read
NUM_EPOCHS, BATCH_SIZE, SEED = 4, 128, 0
NUM_ROWS, NUM_TEST_ROWS = 20_000, 4_000
_RATES = (1e-3, 0.9, 0.0)  # learning rate, b1, l2
_BLOCK = 512


class DigitReader(NamedTuple):
    """A classifier of digits, and how often it is right.

    Attributes:
        net: the network.
        variables: {params, batch_stats}.
        accuracy: the share of digits of unseen images that it reads rightly.
        num_seen: the number of digits that it was trained on.
    """

    net: Classifier
    variables: PyTree
    accuracy: float
    num_seen: int

    def read(self, images: np.ndarray) -> np.ndarray:
        """Read uint8 (n, height, width, 3) → digits (n, 3)."""
        channels = np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3], 1)
        digits = read_digits(self.net, self.variables, channels)
        return digits.reshape(len(images), -1)


def open_reader(
    train: Store, num_rows: int, test: Store, *, folder: Path
) -> DigitReader:
    """Train a reader of the digits of a store, unless that has been done.

    The same images give the same reader, to the bit on one machine.

    Args:
        train: stacked images, of which the first `num_rows` may be seen.
        num_rows: their number.
        test: stacked images of other digits.
        folder: of the file that keeps the reader.
    """
    height, width, _ = train.image_shape
    net = make_net(cast("ImageSize", height))
    count = min(NUM_ROWS, num_rows)
    path = folder / f"digits-v{VERSION}-{train.fingerprint[:24]}-{count}.npz"
    shapes = jax.eval_shape(
        lambda key: classifier.draw_variables(net, key, image_shape=(height, width, 1)),
        jax.random.key(0),
    )
    variables = _read(path, shapes)
    if variables is None:
        variables = train_reader(net, _cut_channels(train, count))
        _write(path, variables)
    unseen = _cut_channels(test, min(NUM_TEST_ROWS, len(test)))
    right = read_digits(net, variables, np.asarray(unseen.images)) == unseen.labels
    num_seen = modes.NUM_CHANNELS * count
    return DigitReader(net, variables, float(np.mean(right)), num_seen)


def make_net(image_size: ImageSize) -> Classifier:
    """Return the network for grey images: the small discriminator, a quarter wide."""
    config = dataclasses.replace(
        presets.MNIST,
        image_size=image_size,
        width_multiplier=0.25,
        precision="float32",
    )
    return Classifier(models.make_discriminator(config), modes.NUM_DIGITS, 0.0)


def train_reader(net: Classifier, data: Batch) -> PyTree:
    """Train a network on digits.

    Args:
        net: the network.
        data: uint8 images (n, height, width, 1) and labels (n,).

    Returns:
        Its {params, batch_stats}.
    """
    programs = classifier.compile_programs()
    batch_size = min(BATCH_SIZE, len(data.images))
    schedule = Schedule(len(data.images), batch_size, SEED, "rows")
    per_epoch = batches.batches_per_epoch(len(data.images), batch_size)
    plan = Plan(net, 0.999, 1e-8, 0.5, NUM_EPOCHS * per_epoch)
    rates = Rates(*map(jnp.float32, _RATES))
    init_key, key = (
        keys.make_key(SEED, purpose)
        for purpose in (keys.Purpose.INIT, keys.Purpose.TRAINING)
    )
    shape = data.images.shape[1:]
    variables = programs.draw_variables(net, init_key, image_shape=shape)
    state = classifier.make_state(plan, rates, variables)
    on_device = jax.device_put(data)
    with progress.track("reader of digits", NUM_EPOCHS, unit="epochs") as advance:
        for epoch in range(NUM_EPOCHS):
            rows = batches.chunk_rows(schedule, epoch * per_epoch, count=per_epoch)
            own = jax.random.fold_in(key, epoch)
            state, loss = programs.train_epoch(
                plan, rates, state, on_device, np.int32(rows), own
            )
            float(loss)  # waits
            advance(1)
    return {"params": state.params, "batch_stats": state.batch_stats}


def read_digits(net: Classifier, variables: PyTree, images: np.ndarray) -> np.ndarray:
    """Read uint8 (n, height, width, 1) → digits (n,)."""
    rest = -len(images) % _BLOCK
    padded = np.pad(images, [(0, rest), (0, 0), (0, 0), (0, 0)])
    read = _compile_read()
    blocks = [
        np.asarray(read(net, variables, padded[start : start + _BLOCK]))
        for start in range(0, len(padded), _BLOCK)
    ]
    return np.concatenate(blocks)[: len(images)]


@functools.cache
def _compile_read() -> Any:
    """Return the program that reads a block, which all calls share."""

    def read(net: Classifier, variables: PyTree, block: jax.Array) -> jax.Array:
        logits: Any = net.apply(
            variables, pixels.scale_images(block, "tanh"), train=False
        )
        return logits.argmax(-1)

    return backend.jit(read, static_argnums=(0,))


def _cut_channels(store: Store, count: int) -> Batch:
    """Return the digits of the first images of a store, with their labels."""
    batch = store.rows(np.arange(count))
    assert batch.labels is not None  # checked
    images = np.moveaxis(batch.images, -1, 1)
    return Batch(
        images.reshape(-1, *images.shape[2:], 1),
        modes.to_digits(batch.labels).ravel().astype(np.int32),
    )


def _write(path: Path, variables: PyTree) -> None:
    flat = traverse_util.flatten_dict(jax.device_get(variables), sep="/")
    stream = io.BytesIO()
    np.savez(stream, **flat)
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write_whole(path, stream.getvalue())


def _read(path: Path, shapes: PyTree) -> PyTree | None:
    """Return what `_write` has written; None if there is nothing that fits."""
    if not path.is_file():
        return None
    try:
        flat = npy_file.read_npz(path)
    except ValueError:
        return None
    expected = traverse_util.flatten_dict(shapes, sep="/")
    found = {name: (array.shape, array.dtype) for name, array in flat.items()}
    if found != {name: (leaf.shape, leaf.dtype) for name, leaf in expected.items()}:
        return None
    return traverse_util.unflatten_dict(flat, sep="/")
