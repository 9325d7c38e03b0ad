"""A state of a few numbers, to save and to damage."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dcgan_jax.gan import state as train_state
from dcgan_jax.gan.state import NetState, TrainState


def make_state(step, *, size=4, optional=None):
    """Return a state whose arrays hold every kind of float there is."""
    odd = [0.0, -0.0, 1e-45, np.inf, -np.inf, np.nan, 1 / 3, -1e38]

    def net(seed):
        values = np.random.default_rng([seed, step]).normal(size=(size, size))
        params = {"conv0": {"kernel": jnp.asarray(values, jnp.float32)}}
        return NetState(
            params=params,
            batch_stats={"bn0": {"mean": jnp.array(odd, jnp.float32)}},
            opt_state=optax.adam(0.1).init(params),
        )

    return TrainState(
        step=jnp.int32(step),
        rollbacks=jnp.int32(2),
        gen=net(0),
        disc=net(1),
        optional=optional or {},
    )


def shapes_of(state):
    return jax.eval_shape(lambda: state)


def as_bytes(state):
    flat = train_state.to_flat(state)
    return {
        name: (a.dtype, a.shape, np.asarray(a).tobytes()) for name, a in flat.items()
    }
