import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dcgan_jax.gan import state as train_state
from dcgan_jax.gan.state import NetState, TrainState


def make_state(fill, **optional):
    def net(value):
        params = {"conv0": {"kernel": jnp.full((2, 3), value)}}
        return NetState(
            params=params,
            batch_stats={"bn0": {"mean": jnp.full(3, value)}},
            opt_state=optax.adam(0.1).init(params),
        )

    return TrainState(
        step=jnp.int32(fill),
        rollbacks=jnp.int32(0),
        gen=net(fill),
        disc=net(-fill),
        optional=optional,
    )


def test_names_are_paths():
    assert set(train_state.to_flat(make_state(1.0))) == {
        "step",
        "rollbacks",
        *(
            f"{net}/{name}"
            for net in ("gen", "disc")
            for name in (
                "params/conv0/kernel",
                "batch_stats/bn0/mean",
                "opt_state/0/count",
                "opt_state/0/mu/conv0/kernel",
                "opt_state/0/nu/conv0/kernel",
            )
        ),
    }


def test_a_state_survives_being_flat():
    state = make_state(5.0)
    again = train_state.from_flat(make_state(0.0), train_state.to_flat(state))
    assert int(again.step) == 5
    np.testing.assert_array_equal(again.gen.params["conv0"]["kernel"], 5.0)
    np.testing.assert_array_equal(again.disc.batch_stats["bn0"]["mean"], -5.0)


def test_the_structure_is_the_template_s():
    again = train_state.from_flat(make_state(0.0), train_state.to_flat(make_state(1.0)))
    assert isinstance(again.gen.opt_state[0], optax.ScaleByAdamState)


def test_an_array_that_is_missing_is_named():
    arrays = train_state.to_flat(make_state(1.0))
    del arrays["disc/params/conv0/kernel"]
    with pytest.raises(KeyError, match="disc/params/conv0/kernel"):
        train_state.from_flat(make_state(0.0), arrays)
