"""The tuned Adam of §4, and the gradient descent of the 2014 GAN, as optax chains."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dcgan_jax.config import AdamConfig, SgdConfig, TrainConfig
from dcgan_jax.data import batches

Array = jax.Array
PyTree = Any


class Optimizers(NamedTuple):
    """One for either network."""

    gen: optax.GradientTransformation
    disc: optax.GradientTransformation


def make_optimizers(
    config: TrainConfig, *, num_steps: int, num_rows: int | None
) -> Optimizers:
    """Build the optimisers that a config asks for.

    Args:
        config: of the run.
        num_steps: in the whole run, each k updates of D and one of G.
        num_rows: images that it trains on; only sgd, whose momentum goes by epochs,
            needs it.

    Raises:
        ValueError: if sgd is not told.
    """
    k = config.num_d_steps
    if (adam := config.adam) is not None:
        rate = adam.d_learning_rate
        rate = adam.learning_rate if rate is None else rate
        disc = dataclasses.replace(adam, learning_rate=rate)
        return Optimizers(
            gen=make_adam(adam, num_updates=num_steps),
            disc=make_adam(disc, num_updates=num_steps * k),
        )
    sgd = config.sgd
    if sgd is None or num_rows is None:
        raise ValueError("sgd needs its config and num_rows, one of which is None")
    per_epoch = batches.batches_per_epoch(num_rows, config.batch_size)
    return Optimizers(
        gen=make_sgd(sgd, batches_per_update=k, batches_per_epoch=per_epoch),
        disc=optax.chain(
            optax.scale(sgd.disc_gradient_scale),
            make_sgd(sgd, batches_per_update=1, batches_per_epoch=per_epoch),
        ),
    )


def make_adam(config: AdamConfig, *, num_updates: int) -> optax.GradientTransformation:
    """Chain the L2 term, Adam and the learning rate.

    Args:
        config: rates and decays; of the rates, `learning_rate` is taken.
        num_updates: updates in the whole run; the linear decay ends at 0 with the last.

    Differs from the authors' lib/updates.py: that Adam multiplies b1 by (1 - 1e-8)^t,
    which changes it by 1 % after a million updates.
    """
    decay_updates = round(num_updates * config.decay_fraction)
    schedule: optax.ScalarOrSchedule = config.learning_rate
    if decay_updates > 0:
        schedule = optax.linear_schedule(
            config.learning_rate, 0.0, decay_updates, num_updates - decay_updates
        )
    return optax.chain(
        optax.add_decayed_weights(config.l2),
        scale_by_adam(config),
        optax.scale_by_learning_rate(schedule),
    )


def scale_by_adam(config: AdamConfig) -> optax.GradientTransformation:
    """Scale gradients as Adam does, to the bit as optax.scale_by_adam does.

    Differs from optax.scale_by_adam: both corrections of the bias are one vector, which
    a GPU computes at once; of two numbers, each would take a kernel.
    """
    decays, epsilon = (config.b1, config.b2), config.epsilon

    def init(params: PyTree) -> optax.ScaleByAdamState:
        # Each has arrays of its own: a step is given the memory of the whole state.
        mean, square = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), mean, square)

    def update(
        gradients: PyTree, state: optax.ScaleByAdamState, params: PyTree | None = None
    ) -> tuple[PyTree, optax.ScaleByAdamState]:
        del params
        count = optax.safe_increment(state.count)
        mean = jax.tree.map(
            lambda g, m: (1 - decays[0]) * g + decays[0] * m, gradients, state.mu
        )
        square = jax.tree.map(
            lambda g, v: (1 - decays[1]) * g**2 + decays[1] * v, gradients, state.nu
        )
        first, second = 1 - jnp.asarray(decays, jnp.float32) ** count
        updates = jax.tree.map(
            lambda m, v: m / first / (jnp.sqrt(v / second) + epsilon), mean, square
        )
        return updates, optax.ScaleByAdamState(count, mean, square)

    return optax.GradientTransformation(init, update)


class SgdState(NamedTuple):
    """How often it has updated, and the last update."""

    updates: Array
    velocity: PyTree


def make_sgd(
    config: SgdConfig, *, batches_per_update: int, batches_per_epoch: int
) -> optax.GradientTransformation:
    """Build gradient descent: velocity ← momentum velocity − rate gradient.

    Args:
        config: rates and momentum.
        batches_per_update: minibatches that D sees from one update to the next.
        batches_per_epoch: minibatches that show D every image once.

    Differs from optax.sgd: the rate is inside of the velocity, so that a falling rate
    does not slow down what is under way; rate and momentum both change; columns of
    dense kernels may be cut after the update.

    Source: pylearn2, learning_rule.Momentum, MomentumAdjustor, sgd.ExponentialDecay.
    """

    def init(params: PyTree) -> SgdState:
        return SgdState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(
        gradients: PyTree, state: SgdState, params: PyTree | None = None
    ) -> tuple[PyTree, SgdState]:
        rate = rate_at(config, state.updates)
        epoch = state.updates * batches_per_update // batches_per_epoch
        momentum = momentum_at(config, epoch)
        velocity = jax.tree.map(
            lambda v, g: momentum * v - rate * g, state.velocity, gradients
        )
        updates = velocity
        if config.max_column_norm is not None:
            most = config.max_column_norm
            updates = jax.tree.map(
                lambda p, v: _cut_columns(p + v, most) - p, params, velocity
            )
        return updates, SgdState(state.updates + 1, velocity)

    return optax.GradientTransformation(init, update)


def rate_at(config: SgdConfig, count: Array) -> Array:
    """Return the learning rate after `count` updates."""
    # Not as a power: float32 has few digits left of what 1 / 1.000004 is below 1.
    fall = jnp.exp(-math.log(config.decay_factor) * count.astype(jnp.float32))
    return jnp.maximum(config.learning_rate * fall, config.min_learning_rate)


def momentum_at(config: SgdConfig, epoch: Array) -> Array:
    """Return the momentum in an epoch, counted from 0."""
    rise = config.final_momentum - config.momentum
    share = epoch.astype(jnp.float32) / max(config.momentum_epochs - 1, 1)
    return config.momentum + rise * jnp.minimum(share, 1.0)


def _cut_columns(weights: Array, most: float) -> Array:
    """Shorten the incoming weights of each unit; other parameters than kernels pass."""
    if weights.ndim != 2:
        return weights
    norms = jnp.sqrt(jnp.square(weights).sum(axis=0, keepdims=True))
    return weights * (jnp.minimum(norms, most) / (1e-7 + norms))
