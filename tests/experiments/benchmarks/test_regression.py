"""A guard in CI: our formulation of the convolutions stays ahead of plain lax ones."""

import dataclasses
import time

import jax
import jax.numpy as jnp
import pytest

from dcgan_jax.data.batches import Batch
from dcgan_jax.gan.nets import make_nets
from dcgan_jax.system import backend
from dcgan_jax.train import chunk
from experiments.benchmarks import nets

LEAST_RATIO = 2.0
BATCH = 16
ROUNDS = 5


class _Run:
    """A training step of the small net, reduced until it takes a fraction of a second.

    Only the fastest turn counts: other work on the machine can but slow a turn down.
    """

    def __init__(self, formulation, draw_state):
        config = dataclasses.replace(
            nets.make_config("small32", batch_size=BATCH, formulation=formulation),
            width_multiplier=0.5,
        )
        built = make_nets(config, num_steps=100)
        self._key = jax.random.key(0)
        self._state = draw_state(built, image_shape=(32, 32, 3))
        self._batches = Batch(jnp.full((1, 1, BATCH, 32, 32, 3), 127, jnp.uint8), None)
        run = chunk.make_steps(built, static_count=False)
        lowered = run.lower(self._state, self._batches, self._key, 1)
        self._run = lowered.compile({"xla_backend_optimization_level": "3"})
        self.fastest = float("inf")
        self.take_turn()
        self.fastest = float("inf")

    def take_turn(self):
        begin = time.perf_counter()
        self._state, _ = self._run(self._state, self._batches, self._key, 1)
        jax.block_until_ready(self._state)
        self.fastest = min(self.fastest, time.perf_counter() - begin)


@pytest.mark.long
@pytest.mark.skipif(backend.is_accelerator(), reason="lax is the choice there")
def test_our_step_is_at_least_twice_as_fast_as_with_lax_convolutions(draw_state):
    ours, lax = _Run("auto", draw_state), _Run("lax", draw_state)
    for _ in range(ROUNDS):
        ours.take_turn()
        lax.take_turn()
    assert lax.fastest / ours.fastest >= LEAST_RATIO
