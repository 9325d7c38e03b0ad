"""Both conditional pairs against the authors' layers, computed by hand in float64."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.models import layers

BATCH, CLASSES = 3, 4
FULL = dataclasses.replace(presets.MNIST_CONDITIONAL, num_classes=10)
NARROW = {
    name: dataclasses.replace(
        presets.RECIPES[name], num_classes=CLASSES, width_multiplier=1 / 32,
        convolution="lax", latent_size=5, bn_affine=True,
    )
    for name in ("mnist_conditional", "mnist_mlp")
}  # fmt: skip

each_pair = pytest.mark.parametrize("name", NARROW)


def shapes_of(config):
    """Return the shapes of a pair's parameters by name."""
    pair = models.make_pair(config)
    labels = jnp.zeros(BATCH, jnp.int32)
    side = config.image_size
    inputs = (
        jnp.zeros((BATCH, config.latent_size)),
        jnp.zeros((BATCH, side, side, config.channels)),
    )

    def look(network, inputs):
        variables = jax.eval_shape(
            lambda key: network.init(key, inputs, labels, train=True), jax.random.key(0)
        )
        return {
            jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"])
        }

    return tuple(map(look, pair, inputs))


def test_the_conditional_pair_has_the_authors_layers():
    # mnist/train_cond_dcgan.py:75-83, gw … dwy, with maps last.
    gen, disc = shapes_of(FULL)
    assert gen == {
        "hidden/dense/kernel": (100 + 10, 1024),
        "project/dense/kernel": (1024 + 10, 2 * 64 * 7 * 7),
        "conv0/kernel": (5, 5, 64, 2 * 64 + 10),
        "conv1/kernel": (5, 5, 1, 64 + 10),
    }
    assert disc == {
        "conv0/kernel": (5, 5, 1 + 10, 64),
        "conv1/kernel": (5, 5, 64 + 10, 2 * 64),
        "hidden/dense/kernel": (2 * 64 * 7 * 7 + 10, 1024),
        "logit/dense/kernel": (1024 + 10, 1),
    }


def test_the_mlp_pair_has_two_layers_of_1024_on_either_side():
    gen, disc = shapes_of(dataclasses.replace(FULL, architecture="mlp_gan"))
    assert gen == {
        "hidden0/dense/kernel": (100 + 10, 1024),
        "hidden1/dense/kernel": (1024 + 10, 1024),
        "output/kernel": (1024 + 10, 784),
    }
    assert disc == {
        "hidden0/kernel": (784 + 10, 1024),
        "hidden1/kernel": (1024 + 10, 1024),
        "logit/dense/kernel": (1024 + 10, 1),
    }


@pytest.mark.parametrize("architecture", ["conditional_mnist", "mlp_gan"])
@pytest.mark.parametrize("input_bias", [False, True])
def test_the_one_bias_is_of_d_s_first_layer_where_it_is_asked_for(
    architecture, input_bias
):
    config = dataclasses.replace(FULL, architecture=architecture, input_bias=input_bias)
    gen, disc = shapes_of(config)
    biases = [name for name in (*gen, *disc) if name.endswith("bias")]
    first = {"conditional_mnist": "conv0/bias", "mlp_gan": "hidden0/bias"}
    assert biases == ([first[architecture]] if input_bias else [])


@pytest.mark.parametrize("architecture", ["conditional_mnist", "mlp_gan", "small"])
@pytest.mark.parametrize("bn_affine", [False, True])
def test_gain_and_offset_of_batch_norm_are_a_setting(architecture, bn_affine):
    classes = None if architecture == "small" else 10
    config = dataclasses.replace(
        FULL, architecture=architecture, bn_affine=bn_affine, num_classes=classes
    )
    gen, disc = shapes_of(config)
    for name in ("gain", "offset"):
        assert any(path.endswith(name) for path in (*gen, *disc)) == bn_affine


def test_batch_norm_without_gain_and_offset_gives_mean_0_and_variance_1():
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, (64, 5)).astype(np.float32)
    variables = layers.BatchNorm(affine=False).init(jax.random.key(0), x, train=True)
    assert set(variables) == {"batch_stats"}
    y, _ = layers.BatchNorm(affine=False).apply(
        variables, x, train=True, mutable=["batch_stats"]
    )
    exact = (x - x.mean(0, np.float64)) / x.std(0, np.float64)
    np.testing.assert_allclose(y, exact, atol=1e-5)


@pytest.mark.parametrize(("size", "channels"), [(32, 3), (48, 1), (64, 3)])
@pytest.mark.parametrize("architecture", ["conditional_mnist", "mlp_gan"])
def test_other_images_than_mnist_s_have_a_pair_too(architecture, size, channels):
    config = dataclasses.replace(
        FULL, architecture=architecture, image_size=size, channels=channels,
        width_multiplier=1 / 32,
    )  # fmt: skip
    pair = models.make_pair(config)
    labels = jnp.zeros(BATCH, jnp.int32)

    def run(key):
        latents = jnp.zeros((BATCH, config.latent_size))
        images, _ = pair.generator.init_with_output(key, latents, labels, train=True)
        (logits, _), _ = pair.discriminator.init_with_output(
            key, images, labels, train=True
        )
        return images, logits

    images, logits = jax.eval_shape(run, jax.random.key(0))
    assert images.shape == (BATCH, size, size, channels)
    assert logits.shape == (BATCH,)


# By hand, in float64: labels behind the channels, before every layer.


def join(x, codes):
    maps = np.broadcast_to(
        codes.reshape(len(codes), *[1] * (x.ndim - 2), -1), (*x.shape[:-1], CLASSES)
    )
    return np.concatenate([x, maps], axis=-1)


def normalise(x, bn):
    axes = tuple(range(x.ndim - 1))
    x = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-8)
    return x * bn["gain"] + bn["offset"]


def correlate(x, kernel):
    """5×5, stride 2, border 2, a tap after the other."""
    small = x.shape[1] // 2
    padded = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)])
    y = 0.0
    for r in range(5):
        for c in range(5):
            taken = padded[:, r : r + 2 * small : 2, c : c + 2 * small : 2]
            y = y + taken @ kernel[r, c]
    return y


def transpose(y, kernel):
    """The adjoint of `correlate`, a tap after the other."""
    small = y.shape[1]
    x = np.zeros((len(y), 2 * small + 4, 2 * small + 4, kernel.shape[2]))
    for r in range(5):
        for c in range(5):
            spread = y @ kernel[r, c].T
            x[:, r : r + 2 * small : 2, c : c + 2 * small : 2] += spread
    return x[:, 2 : 2 + 2 * small, 2 : 2 + 2 * small]


def relu(x):
    return np.maximum(x, 0)


def leak(x):
    return np.maximum(x, 0.2 * x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def generate_convolutions(p, z, codes):
    h = relu(normalise(join(z, codes) @ p["hidden"]["dense"]["kernel"],
                       p["hidden"]["bn"]))  # fmt: skip
    h = relu(normalise(join(h, codes) @ p["project"]["dense"]["kernel"],
                       p["project"]["bn"]))  # fmt: skip
    h = h.reshape(len(z), 7, 7, -1)
    h = relu(normalise(transpose(join(h, codes), p["conv0"]["kernel"]), p["bn0"]))
    return sigmoid(transpose(join(h, codes), p["conv1"]["kernel"]))


def judge_convolutions(p, x, codes):
    h = leak(correlate(join(x, codes), p["conv0"]["kernel"]))
    h = leak(normalise(correlate(join(h, codes), p["conv1"]["kernel"]), p["bn1"]))
    h = join(h.reshape(len(x), -1), codes)
    h = leak(normalise(h @ p["hidden"]["dense"]["kernel"], p["hidden"]["bn"]))
    return join(h, codes) @ p["logit"]["dense"]["kernel"][:, 0]


def generate_dense(p, z, codes):
    h = z
    for name in ("hidden0", "hidden1"):
        h = join(h, codes) @ p[name]["dense"]["kernel"]
        h = relu(normalise(h, p[name]["bn"]))
    return sigmoid(join(h, codes) @ p["output"]["kernel"]).reshape(-1, 28, 28, 1)


def judge_dense(p, x, codes):
    h = x.reshape(len(x), -1)
    for name in ("hidden0", "hidden1"):
        h = leak(join(h, codes) @ p[name]["kernel"])
    return join(h, codes) @ p["logit"]["dense"]["kernel"][:, 0]


BY_HAND = {
    "mnist_conditional": (generate_convolutions, judge_convolutions),
    "mnist_mlp": (generate_dense, judge_dense),
}
LABELS = np.array([2, 0, 3], np.int32)


def draw_variables(network, inputs, seed=0):
    """Draw a network's variables anywhere but where they start."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(
        lambda key: network.init(key, inputs, LABELS, train=True), jax.random.key(0)
    )
    return jax.tree.map(
        lambda leaf: rng.normal(0.2, 0.3, leaf.shape).astype(np.float32), shapes
    )


@pytest.fixture(scope="module", params=NARROW)
def networks(request):
    """Each network with its variables, inputs and its oracle."""
    pair = models.make_pair(NARROW[request.param])
    rng = np.random.default_rng(1)
    inputs = (
        rng.uniform(-1, 1, (BATCH, 5)).astype(np.float32),
        rng.uniform(0, 1, (BATCH, 28, 28, 1)).astype(np.float32),
    )
    return [
        (network, draw_variables(network, x), x, oracle)
        for network, x, oracle in zip(pair, inputs, BY_HAND[request.param], strict=True)
    ]


def run(network, variables, inputs, labels):
    """Return images or logits, normalised by the batch."""
    result, _ = network.apply(
        variables, inputs, labels, train=True, mutable=["batch_stats"]
    )
    return result[0] if isinstance(result, tuple) else result


@pytest.mark.parametrize("index", [0, 1], ids=["generator", "discriminator"])
def test_a_network_is_the_one_computed_by_hand(index, networks):
    network, variables, inputs, oracle = networks[index]
    exact = oracle(variables["params"], inputs.astype(np.float64), np.eye(4)[LABELS])
    found = run(network, variables, inputs, LABELS)
    np.testing.assert_allclose(found, exact, atol=1e-4 * np.abs(exact).max())


def deafen(variables, index, *, but=None):
    """Cut off what comes from the labels in every layer, but in the one named."""

    def cut(path, leaf):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if not name.endswith("kernel") or name == but:
            return leaf
        leaf = leaf.copy()
        # A transposed convolution's inputs come last, all others' last but one.
        inputs_last = index == 0 and leaf.ndim == 4
        (leaf if inputs_last else leaf.swapaxes(-1, -2))[..., -CLASSES:] = 0
        return leaf

    return jax.tree_util.tree_map_with_path(cut, variables)


def feel_labels(network, variables, inputs):
    """Return by how much other labels change the result."""
    results = [
        run(network, variables, inputs, labels)
        for labels in (LABELS, (LABELS + 1) % CLASSES)
    ]
    return float(np.abs(results[0] - results[1]).max())


@pytest.mark.parametrize("index", [0, 1], ids=["generator", "discriminator"])
def test_every_layer_by_itself_lets_the_label_through(index, networks):
    network, variables, inputs, _ = networks[index]
    kernels = [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree_util.tree_leaves_with_path(variables)
        if "kernel" in jax.tree_util.keystr(path)
    ]
    assert len(kernels) in (3, 4)
    for name in kernels:
        only = deafen(variables, index, but=name)
        assert feel_labels(network, only, inputs) > 1e-4, name
    assert feel_labels(network, deafen(variables, index), inputs) == 0


def test_the_discriminators_return_every_hidden_layer_in_order(networks):
    network, variables, inputs, _ = networks[1]
    (_, activations), _ = network.apply(
        variables, inputs, LABELS, train=True, mutable=["batch_stats"]
    )
    assert list(activations) in (["conv0", "conv1", "hidden"], ["hidden0", "hidden1"])


def test_a_pair_that_is_not_told_the_classes_is_not_built():
    with pytest.raises(ValueError, match="num_classes"):
        models.make_pair(presets.MNIST_CONDITIONAL)
