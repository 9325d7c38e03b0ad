"""The jitted loop of steps that the device runs without Python in between."""

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

        def body(
            index: Array, carry: tuple[TrainState, steps.Metrics]
        ) -> tuple[TrainState, steps.Metrics]:
            state, history = carry
            own_batches = device_batches.take_step(batches, index)
            state, metrics = steps.train_step(nets, state, own_batches, key)
            history = {
                name: history[name].at[index].set(metrics[name])
                for name in steps.METRICS
            }
            return state, history

        history = {name: jnp.zeros(capacity) for name in steps.METRICS}
        return jax.lax.fori_loop(0, count, body, (state, history))

    return backend.jit(
        run,
        donate_argnums=(0,),
        static_argnums=(3,) if static_count else (),
        out_shardings=mesh.replicated(),
    )


def wait_for(metrics: steps.Metrics, count: int) -> dict[str, np.ndarray]:
    """Wait for a chunk of `count` steps and return its metrics, each (count,)."""
    return {name: values[:count] for name, values in jax.device_get(metrics).items()}
