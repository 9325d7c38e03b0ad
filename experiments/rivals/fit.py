"""Minimise a loss of random minibatches, some steps at a time in one program."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from dcgan_jax.system import backend, progress

Array = jax.Array
Params = Any
Data = Any
# (parameters, data, key) → loss; it draws its minibatch and its noise by the key.
Loss = Callable[[Params, Data, Array], Array]
_STEPS_AT_ONCE = 50


def fit(  # noqa: PLR0913
    loss_of: Loss,
    params: Params,
    data: Data,
    optimizer: optax.GradientTransformation,
    *,
    num_steps: int,
    seed: int,
    what: str,
) -> tuple[Params, float]:
    """Update parameters by the gradients of a loss.

    Args:
        loss_of: the loss of a minibatch.
        params: the first parameters.
        data: what the loss draws from.
        optimizer: the rule of the updates.
        num_steps: their number, rounded up to a multiple of 50.
        seed: of the minibatches and the noise.
        what: the job's name, which the progress shows.

    Returns:
        The parameters, and the mean loss of the last 50 steps.
    """
    key = jax.random.key(seed)

    @backend.jit
    def run(carry: Any, data: Data, first: Array) -> tuple[Any, Array]:
        def step(carry: tuple[Params, Any], number: Array) -> tuple[Any, Array]:
            params, state = carry
            own = jax.random.fold_in(key, number)
            loss, gradients = jax.value_and_grad(loss_of)(params, data, own)
            updates, state = optimizer.update(gradients, state, params)
            return (optax.apply_updates(params, updates), state), loss

        return jax.lax.scan(step, carry, first + jnp.arange(_STEPS_AT_ONCE))

    carry, losses = (params, optimizer.init(params)), jnp.zeros(1)
    with progress.track(what, num_steps, unit="steps") as advance:
        for first in range(0, num_steps, _STEPS_AT_ONCE):
            carry, losses = run(carry, data, first)
            losses.block_until_ready()
            advance(min(_STEPS_AT_ONCE, num_steps - first))
    return carry[0], float(losses.mean())


def draw_rows(key: Array, count: int, num_rows: int) -> Array:
    """Draw the rows of a minibatch, with replacement."""
    return jax.random.randint(key, (count,), 0, num_rows)
