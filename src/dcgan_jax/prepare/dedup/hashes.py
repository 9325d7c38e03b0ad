"""128-bit hashes of images from the code of a denoising autoencoder (§4.1.1).

"We fit a 3072-128-3072 de-noising dropout regularized RELU autoencoder on 32x32
downsampled center-crops of training examples. The resulting code layer activations are
then binarized via thresholding the ReLU activation". The authors' code is not released:
what the paper does not say is ours.

Contrast is taken out of each crop before it is coded (ours): brightening an image
then hardly changes its code. Noise on every pixel makes the code one of large, smooth
patterns, which shifts and another compression leave alone.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dcgan_jax.data import batches
from dcgan_jax.data.batches import Schedule
from dcgan_jax.gan import keys
from dcgan_jax.system import backend

Array = jax.Array
Advance = Callable[[int], None]

CROP_SIZE = 32  # §4.1.1
CODE_BITS = 128  # §4.1.1
_STEPS_PER_CALL = 50
# Standard deviation, of pixels from 0 to 1, that is added to a crop's own: noise in a
# flat picture is not blown up.
_CONTRAST_OFFSET = 0.02


@dataclasses.dataclass(frozen=True, kw_only=True)
class DedupConfig:
    """How images are hashed and when hashes collide; all of it ours but the network."""

    num_training_images: int = 32_768
    """Images that the autoencoder learns from, drawn at random, at most."""
    num_steps: int = 1000
    """Updates; the rate falls to 0 along a cosine."""
    batch_size: int = 128
    learning_rate: float = 1e-3
    noise: float = 0.5
    """Standard deviation of the noise, in standard deviations of a crop's pixels."""
    dropout: float = 0.2
    """Share of the code that is dropped."""
    max_distance: int | None = None
    """Bits in which two hashes may differ and still collide: the paper's is 0; None: as
    many as max_rate allows."""
    max_rate: float = 0.005
    """Share of the images that may collide by chance; half of §4.1.1's 1 %."""
    seed: int = 0


class Autoencoder(NamedTuple):
    """Weights of the encoder and the decoder, float32.

    Attributes:
        encode: (pixels, 128).
        encode_bias: (128,).
        decode: (128, pixels).
        decode_bias: (pixels,).
    """

    encode: Array
    encode_bias: Array
    decode: Array
    decode_bias: Array


def downsample(images: Array) -> Array:
    """Average square images over the areas of 32×32 pixels, in float32, 0 … 1.

    A side that is no multiple of 32 (48) is enlarged to one by repeating pixels first,
    which leaves the averages exact; smaller images (28) stay as they are.

    Args:
        images: uint8 (n, size, size, channels), the centre squares that a store holds.

    Returns:
        (n, side, side, channels), side = min(32, size).
    """
    count, size, _, channels = images.shape
    pixels = images.astype(jnp.float32) / 255.0
    side = min(CROP_SIZE, size)
    repeats = side // math.gcd(side, size)
    pixels = pixels.repeat(repeats, axis=1).repeat(repeats, axis=2)
    block = size * repeats // side
    blocks = pixels.reshape(count, side, block, side, block, channels)
    return blocks.mean(axis=(2, 4))


def make_vectors(images: Array) -> Array:
    """Bring images' crops to mean 0 and about deviation 1: uint8 → (n, pixels)."""
    flat = downsample(images).reshape(images.shape[0], -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    deviation = jnp.sqrt(jnp.square(centred).mean(axis=1, keepdims=True))
    return centred / (deviation + _CONTRAST_OFFSET)


def draw_autoencoder(key: Array, num_pixels: int) -> Autoencoder:
    """Draw the initial weights: half of the code's units are on, the output is 0."""
    shape = (num_pixels, CODE_BITS)
    return Autoencoder(
        encode=jax.random.normal(key, shape) / math.sqrt(num_pixels),
        encode_bias=jnp.zeros(CODE_BITS),
        decode=jnp.zeros(shape[::-1]),
        decode_bias=jnp.zeros(num_pixels),
    )


def measure_loss(
    config: DedupConfig, weights: Autoencoder, vectors: Array, key: Array
) -> Array:
    """Return the mean squared error of clean crops rebuilt from noisy ones.

    Args:
        config: noise and dropout.
        weights: of the autoencoder.
        vectors: (batch, pixels) of `make_vectors`.
        key: of noise and dropout.
    """
    noise_key, dropout_key = jax.random.split(key)
    noisy = vectors + config.noise * jax.random.normal(noise_key, vectors.shape)
    code = jax.nn.relu(_multiply(noisy, weights.encode) + weights.encode_bias[None])
    keep = 1.0 - config.dropout
    kept = jax.random.bernoulli(dropout_key, keep, code.shape)
    rebuilt = _multiply(code * kept / keep, weights.decode) + weights.decode_bias[None]
    return jnp.square(rebuilt - vectors).mean()


def learn_autoencoder(
    config: DedupConfig, images: np.ndarray, *, advance: Advance = lambda steps: None
) -> Autoencoder:
    """Fit an autoencoder by Adam.

    Args:
        config: how; the result is a function of it and the images.
        images: uint8 (n, size, size, channels), at least a minibatch.
        advance: takes the number of updates done since its last call.
    """
    schedule = Schedule(len(images), config.batch_size, config.seed, "rows")
    vectors = np.concatenate(
        [_compiled_vectors()(part) for part in _cut(images, config.batch_size)]
    )
    init_key, key = (
        keys.make_key(config.seed, purpose)
        for purpose in (keys.Purpose.INIT, keys.Purpose.TRAINING)
    )
    weights = draw_autoencoder(init_key, vectors.shape[1])
    state = weights, _make_adam(config).init(weights)
    data = jax.device_put(vectors)
    for start in range(0, config.num_steps, _STEPS_PER_CALL):
        count = min(_STEPS_PER_CALL, config.num_steps - start)
        rows = batches.chunk_rows(schedule, start, count=count)
        state = _compiled_steps()(config, state, data, np.int32(rows), key, start)
        jax.block_until_ready(state)
        advance(count)
    return jax.tree.map(np.asarray, state[0])


def hash_images(weights: Autoencoder, images: np.ndarray) -> np.ndarray:
    """Return the hash of each image: bit i is whether unit i of the code is above 0.

    Args:
        weights: of the autoencoder.
        images: uint8 (n, size, size, channels).

    Returns:
        uint8 (n, 16), the first bit of a byte the highest.
    """
    return np.packbits(np.asarray(_compiled_bits()(weights, images)), axis=1)


def _run_steps(
    config: DedupConfig, state: Any, data: Array, rows: Array, key: Array, start: Array
) -> Any:
    adam = _make_adam(config)

    def body(index: Array, state: Any) -> Any:
        weights, opt_state = state
        step_key = jax.random.fold_in(key, start + index)
        gradients = jax.grad(measure_loss, argnums=1)(
            config, weights, data[rows[index]], step_key
        )
        updates, opt_state = adam.update(gradients, opt_state, weights)
        return optax.apply_updates(weights, updates), opt_state

    return jax.lax.fori_loop(0, len(rows), body, state)


def _find_bits(weights: Autoencoder, images: Array) -> Array:
    code = _multiply(make_vectors(images), weights.encode) + weights.encode_bias[None]
    return code > 0


def _multiply(left: Array, right: Array) -> Array:
    # In full float32: on a GPU, TF32 would turn bits of codes near 0.
    return jnp.matmul(left, right, precision="highest")


def _make_adam(config: DedupConfig) -> optax.GradientTransformation:
    rate = optax.cosine_decay_schedule(config.learning_rate, config.num_steps)
    return optax.adam(rate)


def _cut(images: np.ndarray, size: int) -> list[np.ndarray]:
    return [images[start : start + size] for start in range(0, len(images), size)]


# At the first use, since importing a module must not start a backend.
@functools.cache
def _compiled_vectors() -> Callable[..., Array]:
    return jax.jit(make_vectors)


@functools.cache
def _compiled_steps() -> Callable[..., Any]:
    compiled: Callable[..., Any] = backend.jit(
        _run_steps, static_argnums=(0,), donate_argnums=(1,)
    )
    return compiled


@functools.cache
def _compiled_bits() -> Callable[..., Array]:
    return jax.jit(_find_bits)
