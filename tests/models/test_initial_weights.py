import jax
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.gan.nets import init_state, make_nets


@pytest.fixture(scope="module")
def svhn_state():
    nets = make_nets(presets.SVHN, num_steps=1)
    init = jax.jit(
        lambda key: init_state(nets, key, image_shape=(32, 32, 3)),
        compiler_options={"xla_backend_optimization_level": "0"},
    )
    return jax.device_get(init(jax.random.key(0)))


def leaves_named(state, name):
    trees = (state.gen.params, state.disc.params)
    return [
        np.asarray(leaf, np.float64).ravel()
        for path, leaf in jax.tree_util.tree_leaves_with_path(trees)
        if jax.tree_util.keystr(path).endswith(f"'{name}']")
    ]


def assert_normal(values, *, mean, std):
    """Check mean, deviation and tails, each to five of its own deviations."""
    count = len(values)
    assert abs(values.mean() - mean) < 5 * std / np.sqrt(count)
    assert abs(values.std() - std) < 5 * std / np.sqrt(2 * count)
    tail = 0.0455  # of a normal distribution beyond two deviations
    share = np.mean(np.abs(values - mean) > 2 * std)
    assert abs(share - tail) < 5 * np.sqrt(tail * (1 - tail) / count)


def test_initial_weights_are_normal_with_deviation_0_02(svhn_state):
    found = leaves_named(svhn_state, "kernel")
    assert len(found) == 8
    for kernel in found:
        assert_normal(kernel, mean=0.0, std=0.02)


def test_initial_gains_are_normal_around_1(svhn_state):
    gains = np.concatenate(leaves_named(svhn_state, "gain"))
    assert_normal(gains, mean=1.0, std=0.02)


def test_initial_offsets_are_0(svhn_state):
    assert not np.concatenate(leaves_named(svhn_state, "offset")).any()


def test_no_two_layers_start_alike(svhn_state):
    firsts = [kernel[:8] for kernel in leaves_named(svhn_state, "kernel")]
    assert len({first.tobytes() for first in firsts}) == len(firsts)
