"""This project's side, run as `dcgan_jax.train.loop` runs it."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.data.batches import Batch
from dcgan_jax.features import extract
from dcgan_jax.gan.nets import init_state
from dcgan_jax.models import convolution
from dcgan_jax.runs.load import LoadedDiscriminator
from dcgan_jax.sample import draw as sampling
from dcgan_jax.system import backend
from dcgan_jax.train import chunk
from experiments.benchmarks import nets

Array = jax.Array
LAYER_SECONDS = 0.5


class OurParticipant:
    """One way of running this project, ready to be timed."""

    def __init__(self, spec: dict[str, Any]) -> None:
        backend.enable_compilation_cache()
        self._net = spec["net"]
        self._config = nets.make_config(
            self._net,
            batch_size=spec["batch_size"],
            precision=spec["precision"],
            formulation=spec["convolution"],
        )
        config = self._config
        self._nets = nets.make_nets(self._net, config)
        shape = (config.image_size, config.image_size, config.channels)
        self._key = jax.random.key(0)
        self._state = jax.jit(
            lambda key: init_state(self._nets, key, image_shape=shape)
        )(self._key)
        rng = np.random.default_rng(0)
        self._capacity: int = spec["capacity"]
        images = rng.integers(
            0, 256, (self._capacity, 1, config.batch_size, *shape), dtype=np.uint8
        )
        labels = rng.integers(0, config.num_classes or 1, images.shape[:3], np.int32)
        self._batches = jax.device_put(
            Batch(images, labels if config.num_classes else None)
        )
        # On an accelerator the number of steps is part of the program.
        self._fixed = backend.is_accelerator()
        self._run = chunk.make_steps(self._nets, static_count=self._fixed)
        self._sampler = sampling.make_sampler(self._nets.generator)
        self._latents = np.asarray(self._nets.draw_latents(self._key, sampling.BLOCK))
        self._encode: extract.Encode | None = None
        self.train(1)

    def train(self, count: int) -> float:
        """Run `count` steps in calls as long as a chunk; return seconds."""
        begin = time.perf_counter()
        while count > 0:
            part = self._capacity if self._fixed else min(count, self._capacity)
            self._state, metrics = self._run(
                self._state, self._batches, self._key, part
            )
            jax.device_get(metrics)
            count -= part
        jax.block_until_ready(self._state)
        return time.perf_counter() - begin

    def sample(self, blocks: int, block: int) -> float:
        """Generate uint8 images in blocks, on the host; return seconds."""
        if block != sampling.BLOCK:
            raise ValueError(f"the project samples in blocks of {sampling.BLOCK}")
        gen = self._state.gen
        variables = {"params": gen.params, "batch_stats": gen.batch_stats}
        begin = time.perf_counter()
        for _ in range(blocks):
            self._sampler(variables, self._latents)
        return time.perf_counter() - begin

    def features(self, batches: int) -> float:
        """Extract the pooled activations of batches, on the host; return seconds."""
        disc = self._state.disc
        if self._encode is None:
            # Copies, since training gives its own arrays away.
            params, stats = jax.tree.map(jnp.copy, (disc.params, disc.batch_stats))
            loaded = LoadedDiscriminator(
                self._nets.discriminator, params, None, self._config, ""
            )
            self._encode = extract.make_encoder(loaded, stats)
        images = np.asarray(self._batches.images[0, 0])
        begin = time.perf_counter()
        for _ in range(batches):
            self._encode(images)
        return time.perf_counter() - begin

    def device_peak_mb(self) -> float:
        """Return the most memory that was taken on the device; 0 on a CPU."""
        known = jax.devices()[0].memory_stats() or {}
        return float(known.get("peak_bytes_in_use", 0) / 2**20)

    def matmul(self, size: int, count: int, kind: str = "float32") -> float:
        """Multiply square matrices, "bf16" or float32 as it comes; return seconds."""
        dtype = jnp.bfloat16 if kind == "bf16" else jnp.float32
        a, b = (
            jax.random.uniform(jax.random.key(seed), (size, size), dtype)
            for seed in (0, 1)
        )
        product = jax.jit(jnp.dot)
        product(a, b).block_until_ready()
        begin = time.perf_counter()
        for _ in range(count):
            product(a, b).block_until_ready()
        return time.perf_counter() - begin

    def layers(self) -> dict[str, dict[str, float]]:
        """Time the three products of every convolution, in a loop as training is.

        Returns:
            The seconds for a minibatch, by layer and product.
        """
        shape = nets.make_shape(self._net, self._config)
        return {
            layer.name: _time_products(layer, self._config)
            for layer in shape.convolutions
        }


def _time_products(layer: nets.ConvShape, config: Any) -> dict[str, float]:
    dtype = jnp.dtype(config.precision)
    geometry = convolution.Geometry(
        layer.stride,
        (layer.side - 1) // 2,
        layer.large,
        convolution.choose_formulation(config.convolution),
    )
    batch = config.batch_size
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (batch, layer.large, layer.large, layer.inputs))
    y = jax.random.normal(keys[1], (batch, layer.small, layer.small, layer.outputs))
    kernel = jax.random.normal(
        keys[2], (layer.side, layer.side, layer.inputs, layer.outputs)
    )
    x, y, kernel = (array.astype(dtype) for array in (x, y, kernel))
    side = layer.side
    return {
        "correlate": _time(
            lambda x, kernel: convolution.correlate(x, kernel, geometry), x, kernel
        ),
        "transpose": _time(
            lambda y, kernel: convolution.transpose(y, kernel, geometry), y, kernel
        ),
        "kernel_gradient": _time(
            lambda x, y: convolution.kernel_gradient(x, y, side, geometry), x, y
        ),
    }


def _time(product: Callable[[Array, Array], Array], a: Array, b: Array) -> float:
    """Return the seconds of a product inside a loop whose turns depend on each other.

    XLA compiles a convolution differently inside loops, and training is one.
    """

    @backend.jit
    def run(a: Array, b: Array, count: Array) -> Array:
        def body(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            a, last = carry
            a = a.at[(0,) * a.ndim].set(last[(0,) * last.ndim])
            return a, product(a, b)

        result = jax.eval_shape(product, a, b)
        zeros = jnp.zeros(result.shape, result.dtype)
        return jax.lax.fori_loop(0, count, body, (a, zeros))[1]

    run(a, b, 1).block_until_ready()
    count = 1
    while True:
        begin = time.perf_counter()
        run(a, b, count).block_until_ready()
        seconds = time.perf_counter() - begin
        if seconds > LAYER_SECONDS or count >= 64:
            return seconds / count
        count *= 4
