"""The 2014 GAN's layers by hand in float64, and its networks against the recipes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.models import goodfellow, maxout
from dcgan_jax.models.maxout import Block

NAMES = [name for name in presets.RECIPES if name.startswith("goodfellow")]
QUICK = {"xla_backend_optimization_level": "0"}


def describe(name):
    """Return the shapes of a pair's parameters by name, and of what they compute."""
    config = presets.RECIPES[name]
    pair = models.make_pair(config)
    side = config.image_size

    def look(network, *inputs):
        def init(key):
            outputs, variables = network.init_with_output(key, *inputs, train=True)
            return variables["params"], outputs

        params, outputs = jax.eval_shape(init, jax.random.key(0))
        shapes = {
            jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        }
        return shapes, outputs

    gen, images = look(pair.generator, jnp.zeros((2, config.latent_size)))
    disc, scored = look(pair.discriminator, jnp.zeros((2, side, side, config.channels)))
    assert images.shape == (2, side, side, config.channels)
    assert scored[0].shape == (2,)
    return gen, disc, {key: maps.shape[1:] for key, maps in scored[1].items()}


def test_the_mnist_pair_is_mnist_yaml_s():
    gen, disc, hidden = describe("goodfellow_mnist")
    assert gen == {
        "hidden0/kernel": (100, 1200),
        "hidden0/bias": (1200,),
        "hidden1/kernel": (1200, 1200),
        "hidden1/bias": (1200,),
        "output/kernel": (1200, 784),
        "output/bias": (784,),
    }
    assert disc == {
        "maxout0/dense/kernel": (784, 240 * 5),
        "maxout0/dense/bias": (240 * 5,),
        "maxout1/dense/kernel": (240, 240 * 5),
        "maxout1/dense/bias": (240 * 5,),
        "logit/kernel": (240, 1),
        "logit/bias": (1,),
    }
    assert hidden == {"maxout0": (240,), "maxout1": (240,)}


def test_the_dense_cifar10_pair_is_its_yaml_s():
    gen, disc, hidden = describe("goodfellow_cifar10")
    assert gen["hidden0/kernel"] == (100, 8000)
    assert gen["hidden1/kernel"] == (8000, 8000)
    assert gen["output/kernel"] == (8000, 3072)
    assert disc["maxout0/dense/kernel"] == (3072, 1600 * 5)
    assert disc["maxout1/dense/kernel"] == (1600, 1600 * 5)
    assert hidden == {"maxout0": (1600,), "maxout1": (1600,)}


def test_the_convolutional_cifar10_pair_is_its_yaml_s():
    gen, disc, hidden = describe("goodfellow_cifar10_conv")
    assert gen["hidden1/kernel"] == (8000, 10 * 10 * 80)
    assert gen["output/kernel"] == (5, 5, 3, 80)
    assert gen["output/bias"] == (32, 32, 3)
    assert disc["conv0/kernel"] == (8, 8, 3, 32 * 2)
    assert disc["conv0/bias"] == (32 * 2,)
    assert disc["conv1/kernel"] == (8, 8, 32, 32 * 2)
    assert disc["conv2/kernel"] == (5, 5, 32, 192 * 2)
    assert disc["maxout0/dense/kernel"] == (5 * 5 * 192, 500 * 5)
    # 32 + 8 - 8 + 1 = 33, pooled from 0, 2, … 30; 15 from 0, 2, … 12; 9 from 0 … 8.
    assert hidden == {
        "conv0": (16, 16, 32),
        "conv1": (7, 7, 32),
        "conv2": (5, 5, 192),
        "maxout0": (500,),
    }


def test_the_faces_pair_is_the_yaml_s_without_its_pretrained_layers():
    gen, disc, hidden = describe("goodfellow_faces")
    assert gen["hidden0/kernel"] == (100, 8000)
    assert gen["output/kernel"] == (8000, 48 * 48)
    assert disc["maxout0/dense/kernel"] == (48 * 48, 1200 * 5)
    assert hidden == {"maxout0": (1200,), "maxout1": (1200,)}


@pytest.mark.parametrize("name", NAMES)
def test_what_an_output_can_reach_is_the_range_of_the_images(name):
    config = presets.RECIPES[name]
    generator = models.make_pair(config).generator
    of_cifar10 = config.dataset == "cifar10"
    assert generator.output == ("linear" if of_cifar10 else "sigmoid")
    assert generator.pixel_range == ("contrast" if of_cifar10 else "sigmoid")


WIDER = {("goodfellow_cifar10", "output/kernel"): 0.5}


@pytest.mark.parametrize("name", NAMES)
def test_initial_weights_are_uniform_and_biases_0(name):
    config = dataclasses.replace(presets.RECIPES[name], width_multiplier=1 / 8)
    pair = models.make_pair(config)
    side = config.image_size
    inputs = (
        jnp.zeros((2, config.latent_size)),
        jnp.zeros((2, side, side, config.channels)),
    )
    for network, x, limit in zip(pair, inputs, (0.05, 0.005), strict=True):
        init = jax.jit(network.init, static_argnames="train", compiler_options=QUICK)
        params = init(jax.random.key(0), x, train=True)["params"]
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            layer = jax.tree_util.keystr(path, simple=True, separator="/")
            if layer.endswith("bias"):
                assert not leaf.any()
                continue
            most = WIDER.get((name, layer), limit)
            values = np.asarray(leaf, np.float64).ravel()
            assert np.abs(values).max() <= np.float32(most)
            # The variance of U(-a, a) is a²/3, of its square's mean 4 a⁴/45.
            spread = 5 * most**2 * np.sqrt(4 / 45 / len(values))
            assert abs(np.square(values).mean() - most**2 / 3) < spread


@pytest.mark.parametrize(("input_bias", "expected"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("name", ["goodfellow_mnist", "goodfellow_cifar10_conv"])
def test_the_first_layer_s_bias_is_a_setting(name, input_bias, expected):
    config = dataclasses.replace(presets.RECIPES[name], input_bias=input_bias)
    side = config.image_size
    images = jnp.zeros((2, side, side, config.channels))
    disc = models.make_pair(config).discriminator
    shapes = jax.eval_shape(
        lambda key: disc.init(key, images, train=False)["params"], jax.random.key(0)
    )
    first = shapes["maxout0"]["dense"] if "conv0" not in shapes else shapes["conv0"]
    assert ("bias" in first) == bool(expected)
    assert "bias" in shapes["logit"]


def test_a_maxout_unit_is_the_largest_of_five_linear_functions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 3)).astype(np.float32)
    kernel = rng.normal(size=(3, 10)).astype(np.float32)
    bias = rng.normal(size=10).astype(np.float32)
    params = {"dense": {"kernel": kernel, "bias": bias}}
    found = maxout.Maxout(2, True).apply({"params": params}, x)
    pieces = x.astype(np.float64) @ kernel + bias
    exact = [[max(row[0:5]), max(row[5:10])] for row in pieces]
    np.testing.assert_allclose(found, exact, atol=1e-5)


def maxout_conv_by_hand(x, kernel, bias, block):
    """Convolve, take the largest piece, then the largest of each window, in loops."""
    padded = np.pad(x, [(0, 0)] + [(block.padding, block.padding)] * 2 + [(0, 0)])
    side = block.kernel_size
    size = padded.shape[1] - side + 1
    y = np.zeros((len(x), size, size, kernel.shape[-1]))
    for r in range(size):
        for c in range(size):
            patch = padded[:, r : r + side, c : c + side]
            y[:, r, c] = np.tensordot(patch, kernel, 3) + bias
    y = np.stack([y[..., i :: block.pieces] for i in range(block.pieces)]).max(0)
    starts = [s for s in range(0, size, block.pool_stride)
              if s == 0 or s - block.pool_stride + block.pool < size]  # fmt: skip
    rows = [y[:, s : s + block.pool].max(1) for s in starts]
    columns = [np.stack(rows, 1)[:, :, s : s + block.pool].max(2) for s in starts]
    return np.stack(columns, 2)


@pytest.mark.parametrize("formulation", ["lax", "phase"])
@pytest.mark.parametrize(
    ("size", "block", "expected"),
    [
        (32, Block(3, 8, 4, 2, 4, 2), 16),
        (16, Block(2, 8, 3, 2, 4, 2), 7),
        (7, Block(4, 5, 3, 2, 2, 2), 5),
    ],
    ids=str,
)
def test_a_maxout_convolution_is_the_one_computed_by_hand(
    size, block, expected, formulation
):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, size, size, 3)).astype(np.float32)
    maps = block.features * block.pieces
    side = block.kernel_size
    kernel = rng.normal(size=(side, side, 3, maps)).astype(np.float32)
    bias = rng.normal(size=maps).astype(np.float32)
    layer = maxout.MaxoutConv(block, jnp.dtype("float32"), formulation, True)
    found = layer.apply({"params": {"kernel": kernel, "bias": bias}}, x)
    assert found.shape == (2, expected, expected, block.features)
    exact = maxout_conv_by_hand(x.astype(np.float64), kernel, bias, block)
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())


@pytest.mark.parametrize("formulation", ["lax", "phase"])
def test_a_transposed_convolution_without_padding_makes_32_of_10(formulation):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(2, 10, 10, 4)).astype(np.float32)
    kernel = rng.normal(size=(5, 5, 3, 4)).astype(np.float32)
    bias = rng.normal(size=(32, 32, 3)).astype(np.float32)
    layer = maxout.Deconv(3, 5, 3, 0.05, jnp.dtype("float32"), formulation)
    found = layer.apply({"params": {"kernel": kernel, "bias": bias}}, y)
    exact = np.broadcast_to(bias.astype(np.float64), (2, 32, 32, 3)).copy()
    for r in range(10):
        for c in range(10):
            stamp = np.einsum("bi,rcoi->brco", y[:, r, c].astype(np.float64), kernel)
            exact[:, 3 * r : 3 * r + 5, 3 * c : 3 * c + 5] += stamp
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())


def make_discriminator(*units):
    return goodfellow.Discriminator((), units, jnp.dtype("float32"), "lax")


def score(network, params, images, seed=0, *, train=True):
    rngs = {"dropout": jax.random.key(seed)}
    return network.apply({"params": params}, images, train=train, rngs=rngs)[0]


def share_of(values, value):
    return np.isclose(values, value).mean()


@pytest.fixture
def input_scores():
    """Logits that are the sum of two of D's inputs: one pixel, 1, and another, 0."""
    network = make_discriminator()
    params = {"logit": {"kernel": np.ones((2, 1)), "bias": np.zeros(1)}}
    images = np.zeros((4000, 2, 1, 1), np.float32)
    images[:, 0] = 1
    return lambda **options: np.asarray(score(network, params, images, **options))


def test_of_d_s_inputs_four_in_five_are_kept_and_scaled_by_1_25(input_scores):
    scores = input_scores()
    assert set(np.round(np.unique(scores), 5)) == {0.0, 1.25}
    # The deviation of a share of 0.8 among 4,000 is 0.0063: five of them either way.
    assert share_of(scores, 1.25) == pytest.approx(0.8, abs=0.032)


def test_of_hidden_units_half_are_kept_and_doubled():
    # The unit is 1, its own bias, whatever becomes of the inputs.
    params = {
        "maxout0": {"dense": {"kernel": np.zeros((1, 5)), "bias": np.ones(5)}},
        "logit": {"kernel": np.ones((1, 1)), "bias": np.zeros(1)},
    }
    images = np.zeros((4000, 1, 1, 1), np.float32)
    scores = np.asarray(score(make_discriminator(1), params, images))
    assert set(np.unique(scores)) == {0.0, 2.0}
    assert share_of(scores, 2.0) == pytest.approx(0.5, abs=0.04)


def test_without_training_nothing_is_dropped_or_scaled(input_scores):
    assert (input_scores(train=False) == 1.0).all()


def test_what_is_dropped_is_a_function_of_the_key(input_scores):
    np.testing.assert_array_equal(input_scores(seed=1), input_scores(seed=1))
    assert (input_scores(seed=1) != input_scores(seed=2)).any()


def test_a_dense_discriminator_is_the_one_computed_by_hand():
    network = make_discriminator(4, 3)
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(6, 2, 3, 1)).astype(np.float32)
    shapes = jax.eval_shape(
        lambda key: network.init(key, images, train=False)["params"], jax.random.key(0)
    )
    params = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes
    )
    h = images.reshape(6, 6).astype(np.float64)
    for name, units in (("maxout0", 4), ("maxout1", 3)):
        dense = params[name]["dense"]
        h = (h @ dense["kernel"] + dense["bias"]).reshape(6, units, 5).max(-1)
    exact = h @ params["logit"]["kernel"][:, 0] + params["logit"]["bias"]
    found = score(network, params, images, train=False)
    np.testing.assert_allclose(found, exact, atol=1e-5 * np.abs(exact).max())


def test_a_generator_is_the_one_computed_by_hand():
    hidden = (goodfellow.Hidden(5, "relu"), goodfellow.Hidden(4, "sigmoid"))
    network = goodfellow.Generator(
        hidden, "linear", 0.5, (2, 3, 1), False, jnp.dtype("float32"), "lax"
    )
    rng = np.random.default_rng(0)
    z = rng.normal(size=(6, 3)).astype(np.float32)
    shapes = jax.eval_shape(
        lambda key: network.init(key, z, train=True)["params"], jax.random.key(0)
    )
    p = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes
    )
    z64 = z.astype(np.float64)
    h = np.maximum(z64 @ p["hidden0"]["kernel"] + p["hidden0"]["bias"], 0)
    h = 1 / (1 + np.exp(-(h @ p["hidden1"]["kernel"] + p["hidden1"]["bias"])))
    exact = (h @ p["output"]["kernel"] + p["output"]["bias"]).reshape(6, 2, 3, 1)
    found = network.apply({"params": p}, z, train=True)
    np.testing.assert_allclose(found, exact, atol=1e-5)


def test_an_output_that_begins_at_the_means_draws_the_mean_image():
    means = np.array([[[0.0], [1.0], [64.0]], [[127.5], [254.0], [255.0]]])
    params = {"output": {"kernel": np.zeros((4, 6)), "bias": np.zeros(6)}, "x": {}}
    begun = goodfellow.begin_at_means(params, means)
    drawn = 1 / (1 + np.exp(-np.asarray(begun["output"]["bias"], np.float64)))
    exact = np.clip(means.ravel() / 255, 1e-7, 1 - 1e-7)
    np.testing.assert_allclose(drawn, exact, rtol=1e-5)
    assert begun["output"]["bias"].dtype == jnp.float32
    assert begun["output"]["kernel"] is params["output"]["kernel"]
    assert begun["x"] is params["x"]


def test_only_a_sigmoid_begins_at_the_means():
    begin = {name for name in NAMES if models.begins_at_means(presets.RECIPES[name])}
    assert begin == {"goodfellow_mnist", "goodfellow_faces"}
    assert not models.begins_at_means(presets.SVHN)


@pytest.mark.parametrize("name", NAMES)
def test_a_narrower_pair_still_makes_whole_images(name):
    config = dataclasses.replace(presets.RECIPES[name], width_multiplier=1 / 70)
    generator = models.make_pair(config).generator
    latents = jnp.zeros((2, config.latent_size))
    images, _ = jax.eval_shape(
        lambda key: generator.init_with_output(key, latents, train=True),
        jax.random.key(0),
    )
    side = config.image_size
    assert images.shape == (2, side, side, config.channels)
