"""One point of the scaling table: the small net at a batch, width and image size."""

import dataclasses
import resource
import time
from typing import Any

import jax
import jax.numpy as jnp

from dcgan_jax.data.batches import Batch
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.system import backend
from dcgan_jax.train import chunk
from experiments.benchmarks import flops, nets


class PointParticipant:
    """A training step that is compiled, but not yet run, when it is made."""

    def __init__(self, spec: dict[str, Any]) -> None:
        backend.enable_compilation_cache()
        base = nets.make_config("small32", batch_size=spec["batch_size"])
        self._config = dataclasses.replace(
            base, image_size=spec["image_size"], width_multiplier=spec["width"]
        )
        config = self._config
        made = make_nets(config, num_steps=1000)
        shape = (config.image_size, config.image_size, config.channels)
        self._key = jax.random.key(0)
        self._state = jax.jit(lambda key: init_state(made, key, image_shape=shape))(
            self._key
        )
        images = jnp.zeros((1, 1, config.batch_size, *shape), jnp.uint8)
        self._batches = Batch(images + jnp.uint8(127), None)
        run: Any = chunk.make_steps(made, static_count=False)
        self._run = run.lower(self._state, self._batches, self._key, 1).compile()
        self._before_mb = _peak_mb()

    def train(self, count: int) -> float:
        """Run `count` steps; return seconds."""
        begin = time.perf_counter()
        for _ in range(count):
            self._state, metrics = self._run(self._state, self._batches, self._key, 1)
            jax.device_get(metrics)
        return time.perf_counter() - begin

    def describe(self) -> dict[str, float]:
        """Return the step's GFLOP and its memory, MB.

        `program_mb` is what XLA plans for arguments, results and buffers;
        `before_mb` the process's peak before the first step, compiler included.
        """
        plain = dataclasses.replace(self._config, convolution="lax")
        made = make_nets(plain, num_steps=1000)
        count = flops.count_iteration(made, plain, shares_fake=False)
        memory = self._run.memory_analysis()
        planned = (
            memory.temp_size_in_bytes
            + memory.argument_size_in_bytes
            + memory.output_size_in_bytes
            - memory.alias_size_in_bytes
        )
        return {
            "gflop": count / 1e9,
            "program_mb": planned / 2**20,
            "before_mb": self._before_mb,
        }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
