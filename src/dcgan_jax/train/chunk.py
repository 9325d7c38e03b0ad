"""The jitted loop of steps that the device runs without Python in between."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from dcgan_jax.gan import steps
from dcgan_jax.gan.state import TrainState
from dcgan_jax.system import backend
from dcgan_jax.train import mesh, minibatches
from dcgan_jax.train.minibatches import Minibatches

Array = jax.Array


def make_steps(
    nets: steps.Nets, *, static_count: bool
) -> Callable[..., tuple[TrainState, steps.Metrics]]:
    """Jit a loop of steps that the device runs without Python in between.

    Args:
        nets: the static part.
        static_count: compile the number of steps in, which makes the loop a `lax.scan`
            whose end an accelerator knows without asking the host. Otherwise it is an
            argument of the program: one compilation serves all lengths. Both give the
            same bits.

    Returns:
        `(state, batches, key, count) → (state, metrics)`: `batches` holds the images of
        up to `capacity` steps (capacity, k, batch, height, width, channels), or the
        numbers of images that lie on the device; the first `count` are run. Each metric
        is (capacity,), its first `count` filled. The state is donated. On several
        devices, state and metrics lie on all of them, as from `mesh.replicate`.
    """
    nets = nets._replace(draw_latents=mesh.split_draw(nets.draw_latents))

    def run(
        state: TrainState, batches: Minibatches, key: Array, count: int | Array
    ) -> tuple[TrainState, steps.Metrics]:
        capacity = minibatches.count_steps(batches)

        def body(
            index: Array, carry: tuple[TrainState, steps.Metrics]
        ) -> tuple[TrainState, steps.Metrics]:
            state, history = carry
            own = minibatches.pick_step(batches, index)
            state, metrics = steps.train_step(nets, state, own, key)
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
