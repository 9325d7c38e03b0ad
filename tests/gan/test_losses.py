import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import losses

# -log sigmoid(x) = log(1 + exp(-x)) in float64.


def minus_log_sigmoid(logits):
    return np.logaddexp(0.0, -np.asarray(logits, np.float64))


@pytest.fixture
def logits():
    rng = np.random.default_rng(0)
    return rng.normal(0, 3, 64).astype(np.float32), rng.normal(0, 3, 64).astype("f4")


def test_the_discriminator_s_loss_is_the_closed_form(logits):
    real, fake = logits
    exact = minus_log_sigmoid(real).mean() + minus_log_sigmoid(-fake).mean()
    assert losses.discriminator(real, fake) == pytest.approx(exact, rel=1e-6)


def test_the_non_saturating_loss_is_the_closed_form(logits):
    fake, real = logits
    exact = minus_log_sigmoid(fake).mean()
    assert losses.generator_non_saturating(real, fake) == pytest.approx(exact, rel=1e-6)


def test_the_minimax_loss_is_the_closed_form(logits):
    fake, real = logits
    exact = -minus_log_sigmoid(-fake).mean()
    assert losses.generator_minimax(real, fake) == pytest.approx(exact, rel=1e-6)


def test_the_hinge_losses_are_the_closed_form(logits):
    real, fake = (part.astype(np.float64) for part in logits)
    exact = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert losses.discriminator_hinge(*logits) == pytest.approx(exact, rel=1e-6)
    assert losses.generator_hinge(*logits) == pytest.approx(-fake.mean(), rel=1e-5)


def test_the_relativistic_losses_are_the_closed_form_over_all_pairs(logits):
    real, fake = (part.astype(np.float64) for part in logits)
    gaps = np.array([[r - f for f in fake] for r in real])
    exact = np.logaddexp(0, -gaps).mean(), np.logaddexp(0, gaps).mean()
    found = losses.discriminator_relativistic, losses.generator_relativistic
    assert [f(*logits) for f in found] == pytest.approx(exact, rel=1e-6)


def test_the_relativistic_losses_do_not_know_where_0_is(logits):
    real, fake = logits
    for name in ("discriminator", "generator"):
        loss = getattr(losses.OBJECTIVES["relativistic"], name)
        assert loss(real + 8, fake + 8) == pytest.approx(float(loss(real, fake)), 1e-5)
        slopes = jax.grad(lambda r, f, loss=loss: loss(r, f), (0, 1))(real, fake)
        assert slopes[0].sum() == pytest.approx(-float(slopes[1].sum()), rel=1e-4)


def test_beyond_the_margin_the_hinge_teaches_d_nothing():
    real, fake = jnp.array([1.5, 0.5]), jnp.array([-1.5, -0.5])
    slopes = jax.grad(losses.discriminator_hinge, (0, 1))(real, fake)
    np.testing.assert_array_equal(slopes, [[0, -0.5], [0, 0.5]])


def test_the_mean_probability_is_the_closed_form(logits):
    fake, _ = logits
    exact = (1 / (1 + np.exp(-fake.astype(np.float64)))).mean()
    assert losses.mean_probability(fake) == pytest.approx(exact, rel=1e-6)


def test_an_undecided_discriminator_loses_2_log_2():
    zeros = jnp.zeros(5)
    assert losses.discriminator(zeros, zeros) == pytest.approx(2 * np.log(2))


def test_real_and_fake_are_averaged_apart():
    real, fake = jnp.zeros(2), jnp.zeros(6)
    assert losses.discriminator(real, fake) == pytest.approx(2 * np.log(2))


@pytest.mark.parametrize("size", [-1e4, 1e4])
@pytest.mark.parametrize(
    "loss",
    [
        losses.discriminator,
        losses.generator_non_saturating,
        losses.generator_minimax,
        losses.discriminator_hinge,
        losses.generator_hinge,
    ],
    ids=["discriminator", "non_saturating", "minimax", "d_hinge", "g_hinge"],
)
def test_extreme_logits_leave_losses_and_gradients_finite(loss, size):
    value, slope = jax.value_and_grad(lambda x: loss(x, x))(jnp.full(3, size))
    assert jnp.isfinite(value)
    assert jnp.isfinite(slope).all()


def test_a_confident_discriminator_leaves_the_non_saturating_gradient_strong():
    confident = jnp.array([50.0]), jnp.array([-50.0])
    slope = jax.grad(losses.generator_non_saturating, 1)(*confident)
    assert slope[0] == pytest.approx(-1.0)


def test_a_confident_discriminator_starves_the_minimax_gradient():
    confident = jnp.array([50.0]), jnp.array([-50.0])
    slope = jax.grad(losses.generator_minimax, 1)(*confident)
    assert abs(slope[0]) < 1e-20


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_losses_do_not_mix_types(dtype):
    logits = jnp.zeros(4, dtype)
    with jax.numpy_dtype_promotion("strict"):
        assert losses.discriminator(logits, logits).dtype == dtype
        assert losses.generator_non_saturating(logits, logits).dtype == dtype
        assert losses.generator_minimax(logits, logits).dtype == dtype
        assert losses.discriminator_hinge(logits, logits).dtype == dtype
        assert losses.generator_hinge(logits, logits).dtype == dtype


def test_the_flag_offers_the_losses_that_there_are():
    hint = typing.get_type_hints(TrainConfig)["loss"]
    assert set(typing.get_args(hint)) == set(losses.OBJECTIVES)
