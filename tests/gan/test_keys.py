import jax
import numpy as np
import pytest

from dcgan_jax.gan import keys as streams
from dcgan_jax.gan.keys import Purpose


def draw(seed, purpose):
    return jax.random.key_data(streams.make_key(seed, purpose)).tobytes()


def test_a_key_is_a_function_of_seed_and_purpose():
    assert draw(3, Purpose.INIT) == draw(3, Purpose.INIT)


def test_every_seed_and_purpose_has_a_key_of_its_own():
    keys = {draw(seed, purpose) for seed in range(10) for purpose in Purpose}
    assert len(keys) == 10 * len(Purpose)


def test_the_numbers_of_the_purposes_never_change():
    assert {purpose.name: purpose.value for purpose in Purpose} == {
        "INIT": 0,
        "TRAINING": 1,
        "FIXED_LATENTS": 2,
        "SAMPLES": 3,
        "STATISTICS": 4,
        "NEIGHBOURS": 5,
    }


def test_draws_of_different_purposes_do_not_correlate():
    first = jax.random.normal(streams.make_key(0, Purpose.TRAINING), (10_000,))
    second = jax.random.normal(streams.make_key(0, Purpose.SAMPLES), (10_000,))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_a_key_is_that_of_jax_for_the_seed(seed):
    own = jax.random.fold_in(jax.random.key(np.uint32(seed), impl="threefry2x32"), 1)
    assert draw(seed, Purpose.TRAINING) == jax.random.key_data(own).tobytes()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_no_two_seeds_are_one(seed):
    with pytest.raises(ValueError, match="0 to 4294967295"):
        streams.make_key(seed, Purpose.INIT)
