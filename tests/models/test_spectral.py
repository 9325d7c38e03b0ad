"""Spectral norm of the discriminator's kernels."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.architectures import PLAIN
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.models import layers

CONFIG = dataclasses.replace(presets.MNIST, width_multiplier=1 / 16, spectral_norm=True)
SHAPE, BATCH = (28, 28, 1), 4
FAST = {"xla_backend_optimization_level": "0"}


def largest_singular_value(kernel):
    matrix = np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1])
    return np.linalg.svd(matrix, compute_uv=False)[0]


@pytest.fixture
def kernel():
    # (side, side, inputs, outputs), of which two directions are strong.
    return np.random.default_rng(0).normal(size=(3, 3, 2, 5)).astype(np.float32)


def train(layer, variables, x, *, passes):
    for _ in range(passes):
        _, moved = layer.apply(variables, x, mutable=["batch_stats"])
        variables = {**variables, **moved}
    return variables


def test_after_some_passes_a_kernel_s_largest_singular_value_is_1(kernel):
    layer = layers.Conv(
        5, 3, 1, jnp.dtype("float32"), "lax", spectral_norm=True, name="conv"
    )
    # The image of a single 1 at the middle shows the kernel in use, mirrored.
    x = np.zeros((2, 5, 5, 2), np.float32)
    x[[0, 1], 2, 2, [0, 1]] = 1
    start = layer.init(jax.random.key(0), x)
    variables = {**start, "params": {"kernel": kernel}}
    variables = train(layer, variables, x, passes=100)
    used = np.asarray(layer.apply(variables, x))[:, 1:4, 1:4][:, ::-1, ::-1]
    used = used.transpose(1, 2, 0, 3)
    assert largest_singular_value(used) == pytest.approx(1, abs=1e-4)
    exact = kernel / largest_singular_value(kernel)
    np.testing.assert_allclose(used, exact, atol=1e-4)


def test_the_last_layer_s_weights_have_length_1_from_the_first_pass():
    layer = layers.Logit(spectral_norm=True)
    x = np.eye(6, dtype=np.float32)
    weights = np.array([[3, 0, 4, 0, 0, 12]], np.float32).T
    start = layer.init(jax.random.key(0), x)
    used = layer.apply({**start, "params": {"kernel": weights}}, x)
    np.testing.assert_allclose(used, weights[:, 0] / 13, atol=1e-6)


def test_without_training_the_stored_vector_stays(kernel):
    layer = layers.Conv(5, 3, 1, jnp.dtype("float32"), "lax", spectral_norm=True)
    x = np.ones((1, 5, 5, 2), np.float32)
    variables = layer.init(jax.random.key(0), x)
    first = layer.apply(variables, x)
    np.testing.assert_array_equal(first, layer.apply(variables, x))
    moved = train(layer, variables, x, passes=1)["batch_stats"]["u"]
    assert (moved != variables["batch_stats"]["u"]).any()


@pytest.fixture(scope="module")
def nets():
    return make_nets(CONFIG, num_steps=10)


@pytest.fixture(scope="module")
def state(nets, draw_state):
    return draw_state(nets, image_shape=SHAPE)


def list_vectors(state):
    flat = jax.tree_util.tree_leaves_with_path(state.disc.batch_stats)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in flat}


def test_the_vectors_move_with_d_s_updates_alone(nets, state):
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *SHAPE), np.uint8)
    key, before = jax.random.key(0), list_vectors(state)
    d_step = jax.jit(
        lambda s: steps.d_step(nets, s, Batch(images, None), key), compiler_options=FAST
    )
    g_step = jax.jit(
        lambda s: steps.g_step(nets, s, Batch(images, None), key),
        compiler_options=FAST,
    )
    after_d, after_g = list_vectors(d_step(state)[0]), list_vectors(g_step(state)[0])
    assert set(before) == {"['conv0']['u']", "['conv1']['u']", "['logit']['u']"}
    assert all((after_d[name] != before[name]).any() for name in before)
    assert all((after_g[name] == before[name]).all() for name in before)


def test_d_s_logits_do_not_depend_on_the_size_of_its_kernels(nets, state):
    images = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (BATCH, *SHAPE)))
    state = state.disc.replace(
        params=jax.tree.map(
            lambda leaf: jnp.zeros_like(leaf) if leaf.ndim == 1 else leaf,
            state.disc.params,
        )
    )

    def judge(factor):
        params = jax.tree.map(lambda leaf: factor * leaf, state.params)
        variables = {"params": params, "batch_stats": state.batch_stats}
        return nets.discriminator.apply(variables, images, train=False)[0]

    np.testing.assert_allclose(judge(1.0), judge(7.0), rtol=1e-5)


@pytest.mark.parametrize("architecture", PLAIN)
def test_biases_take_the_place_of_d_s_batch_norm(architecture):
    config = dataclasses.replace(CONFIG, architecture=architecture, input_bias=False)
    nets = make_nets(config, num_steps=10)
    state = jax.eval_shape(
        lambda key: init_state(nets, key, image_shape=SHAPE), jax.random.key(0)
    )
    params = state.disc.params
    depth = len(params) - 1
    assert set(params) == {f"conv{index}" for index in range(depth)} | {"logit"}
    assert set(params["conv0"]) == {"kernel"}
    for index in range(1, depth):
        assert set(params[f"conv{index}"]) == {"kernel", "bias"}
    assert "bn0" in state.gen.params
