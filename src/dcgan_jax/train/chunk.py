"""The jitted loop of steps that the device runs without Python in between."""

import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import Nets
from dcgan_jax.gan.state import TrainState
from dcgan_jax.system import backend
from dcgan_jax.train import device_batches, mesh
from dcgan_jax.train.device_batches import DeviceBatches

Array = jax.Array
RunSteps = Callable[..., tuple[TrainState, steps.Metrics]]
_SECONDS_BETWEEN_LOOKS = 0.002


def make_steps(nets: Nets, *, static_count: bool) -> RunSteps:
    """Jit a loop of steps that the device runs without Python in between.

    Args:
        nets: the static part.
        static_count: compile the number of steps in, which makes the loop a `lax.scan`
            whose end an accelerator knows without asking the host. Otherwise it is an
            argument of the program: one compilation serves all lengths. Both give the
            same bits.

    Returns:
        `(state, batches, key, count) → (state, metrics)`: `batches` holds those of up
        to `capacity` steps, the first `count` of which are run. Each metric
        is (capacity,), its first `count` filled. The state is donated. On several
        devices, state and metrics lie on all of them, as from `mesh.replicate`.
    """
    nets = nets._replace(draw_latents=mesh.split_draw(nets.draw_latents))

    def run(
        state: TrainState, batches: DeviceBatches, key: Array, count: int | Array
    ) -> tuple[TrainState, steps.Metrics]:
        capacity = device_batches.count_steps(batches)
        latents = None
        if backend.is_gpu() and jax.device_count() == 1:
            take = functools.partial(device_batches.take_step, batches)
            shape = (capacity, *jax.eval_shape(take, jnp.int32(0)).images.shape)
            latents = draw_latents_ahead(nets, state, key, shape=shape)

        def body(
            index: Array, carry: tuple[TrainState, Array]
        ) -> tuple[TrainState, Array]:
            state, history = carry
            own_batches = device_batches.take_step(batches, index)
            own = nets if latents is None else replay_latents(nets, latents[index])
            state, metrics = steps.train_step(own, state, own_batches, key)
            row = jnp.stack([metrics[name] for name in steps.METRICS])
            history = jax.lax.dynamic_update_index_in_dim(history, row, index, 0)
            return state, history

        # Rows, since one write a step is one kernel.
        history = jnp.zeros((capacity, len(steps.METRICS)))
        state, history = jax.lax.fori_loop(0, count, body, (state, history))
        columns = zip(steps.METRICS, history.T, strict=True)
        return state, dict(columns)

    return backend.jit(
        run,
        donate_argnums=(0,),
        static_argnums=(3,) if static_count else (),
        out_shardings=mesh.replicated(),
        is_loop=True,
    )


def make_chunks(nets: Nets) -> RunSteps:
    """Jit the loop of steps of a run so that it is compiled once, or twice at most.

    On a CPU one program takes all lengths. On an accelerator full chunks have a program
    of their own, since there a loop of unknown length asks the host after each step;
    all shorter ones share another, which is compiled if there are any.

    Args:
        nets: the static part.

    Returns:
        As `make_steps`.
    """
    of_any_length = make_steps(nets, static_count=False)
    if not backend.is_accelerator():
        return of_any_length
    of_full_length = make_steps(nets, static_count=True)

    def run(
        state: TrainState, batches: DeviceBatches, key: Array, count: int
    ) -> tuple[TrainState, steps.Metrics]:
        is_full = count == device_batches.count_steps(batches)
        run_steps = of_full_length if is_full else of_any_length
        return run_steps(state, batches, key, count)

    return run


def draw_latents_ahead(
    nets: Nets, state: TrainState, key: Array, *, shape: tuple[int, ...]
) -> Array:
    """Draw the latents of a chunk's updates, which take fewer kernels together.

    Args:
        nets: the static part.
        state: before the chunk.
        key: the run's key.
        shape: of the chunk's images: (steps, k, batch, …).

    Returns:
        (steps, k + 1, batch, latent_size), to the bit those that the updates would
        draw: D's k, then G's.
    """
    num_steps, num_d_steps, batch_size = shape[:3]

    def draw(step: Array) -> Array:
        own = steps.fold_step(key, state.replace(step=step))
        of_updates = [jax.random.fold_in(own, i) for i in range(num_d_steps + 1)]
        return jnp.stack([nets.draw_latents(each, batch_size) for each in of_updates])

    return jax.vmap(draw)(state.step + jnp.arange(num_steps))


def replay_latents(nets: Nets, latents: Array) -> Nets:
    """Have the updates of one step take latents (k + 1, batch, …) instead of drawing.

    They take them in the order in which the step is traced: D's, then G's.
    """
    drawn = iter(latents)
    return nets._replace(draw_latents=lambda key, count: next(drawn))


def wait_for(*arrays: Array) -> None:
    """Wait for arrays to be computed, so that a signal is heard meanwhile.

    Python answers signals between two of its own instructions alone.
    """
    while not all(array.is_ready() for array in arrays):  # type: ignore[attr-defined]
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def read(metrics: steps.Metrics, count: int) -> dict[str, np.ndarray]:
    """Wait for a chunk of `count` steps and return its metrics, each (count,)."""
    wait_for(*metrics.values())
    return {name: values[:count] for name, values in jax.device_get(metrics).items()}


def copy_state(state: TrainState) -> TrainState:
    """Copy a state, whose memory the next chunk takes; does not wait for its values."""
    places = jax.tree.map(lambda array: array.sharding, state)
    copied: TrainState = jax.device_put(state, places, may_alias=False)
    return copied
