import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.models import layers
from dcgan_jax.models.dcgan import ConvSpec, Discriminator
from dcgan_jax.visualize import guided_backprop

BLACK, WHITE = 0, 255  # −1 and 1 to the network


def make_network(*convolutions, kernel_size, formulation="lax"):
    return Discriminator(
        convolutions=convolutions,
        kernel_size=kernel_size,
        dtype=jnp.dtype("float32"),
        formulation=formulation,
    )


@pytest.fixture(scope="module")
def by_hand():
    """A network of single numbers, for images of 2 × 2 grey pixels.

    A white pixel makes 2, −1, 0.5, −1, with the leak 2, −0.2, 0.5, −0.2; the first
    filter weighs them by 1, −3, −1, 1: 1.9; normalised 3 (1.9 − 0.9) / 2 + 0.5 = 2. A
    black one makes −0.4, 1, −0.1, 1; −2.3; −4.3, with the leak −0.86.
    The second filter weighs by −1, −1, 0, 0: −1.8 and −0.6, with the leak −0.36, −0.12.
    """
    network = make_network(ConvSpec(4, 1), ConvSpec(2, 1), kernel_size=1)
    weights = [[1.0, -1.0], [-3.0, -1.0], [-1.0, 0.0], [1.0, 0.0]]
    params = {
        "conv0": {"kernel": jnp.array([2.0, -1.0, 0.5, -1.0]).reshape(1, 1, 1, 4)},
        "conv1": {"kernel": jnp.array(weights)[None, None]},
        "bn1": {"gain": jnp.array([3.0, 1.0]), "offset": jnp.array([0.5, 0.0])},
        "logit": {"dense": {"kernel": jnp.zeros((8, 1))}},
    }
    stats = {"bn1": {"mean": jnp.array([0.9, 0.0]), "var": jnp.array([4.0, 1.0])}}
    return network, {"params": params, "batch_stats": stats}


IMAGES = np.array(
    [[[BLACK, WHITE], [BLACK, BLACK]], [[BLACK, BLACK], [BLACK, BLACK]]], np.uint8
)[..., None]


def test_responses_are_those_computed_by_hand(by_hand):
    network, variables = by_hand
    responses = guided_backprop.make_responses(network)(variables, IMAGES)
    np.testing.assert_allclose(responses, [[2.0, -0.12], [-0.86, -0.12]], rtol=1e-5)


def test_guided_gradients_are_those_computed_by_hand(by_hand):
    network, variables = by_hand
    explain = guided_backprop.make_guided_gradients(network)
    gradients = explain(variables, IMAGES, np.array([0, 0]))
    # Of the four hidden numbers one passes: positive and spoken for. 1.5 · 1 · 2; the
    # plain gradient would be 1.5 · 1.9.
    np.testing.assert_allclose(
        gradients[..., 0], [[[0, 3.0], [0, 0]], [[0, 0], [0, 0]]], rtol=1e-5
    )


def test_a_filter_without_a_positive_response_has_no_gradient(by_hand):
    network, variables = by_hand
    explain = guided_backprop.make_guided_gradients(network)
    assert not np.any(explain(variables, IMAGES, np.array([1, 1])))


def test_of_equal_responses_one_position_is_explained(by_hand):
    network, variables = by_hand
    explain = guided_backprop.make_guided_gradients(network)
    white = np.full((1, 2, 2, 1), WHITE, np.uint8)
    gradients = explain(variables, white, np.array([0]))
    np.testing.assert_allclose(gradients[0, ..., 0], [[3.0, 0], [0, 0]], rtol=1e-5)


@pytest.mark.parametrize(
    ("x", "gradient", "passed"),
    [(2.0, 3.0, 3.0), (2.0, -3.0, 0.0), (-2.0, 3.0, 0.0), (-2.0, -3.0, 0.0)],
)
def test_a_gradient_passes_where_it_and_the_input_are_positive(x, gradient, passed):
    value, backward = jax.vjp(guided_backprop.guided_leaky_relu, jnp.float32(x))
    assert value == layers.leaky_relu(jnp.float32(x))
    assert backward(jnp.float32(gradient)) == (passed,)


def draw_variables(network, image_shape):
    """Draw variables of ordinary size, so that many units are on either side of 0."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(
        lambda: network.init(
            jax.random.key(0), jnp.zeros((2, *image_shape)), train=True
        )
    )

    def fill(path, leaf):
        name = jax.tree_util.keystr(path)
        if "kernel" in name:
            fan_in = np.prod(leaf.shape[:-1])
            return jnp.asarray(rng.normal(0, fan_in**-0.5, leaf.shape), jnp.float32)
        low = 0.5 if "gain" in name or "var" in name else -0.5
        return jnp.asarray(rng.uniform(low, low + 1, leaf.shape), jnp.float32)

    return jax.tree_util.tree_map_with_path(fill, shapes)


def explain_in_torch(torch, network, variables, images, filters):
    """Springenberg's rule by hooks on the LeakyReLU modules of the same network."""
    params, stats = variables["params"], variables["batch_stats"]
    modules = []
    channels = images.shape[-1]
    for index, layer in enumerate(network.convolutions):
        side = network.kernel_size
        conv = torch.nn.Conv2d(
            channels, layer.features, side, layer.stride, side // 2, bias=False
        )
        kernel = np.asarray(params[f"conv{index}"]["kernel"])
        conv.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1))
        modules.append(conv)
        channels = layer.features
        if index > 0:
            norm = torch.nn.BatchNorm2d(channels, eps=1e-8)
            own = {**params[f"bn{index}"], **stats[f"bn{index}"]}
            norm.weight.data = torch.tensor(np.asarray(own["gain"]))
            norm.bias.data = torch.tensor(np.asarray(own["offset"]))
            norm.running_mean = torch.tensor(np.asarray(own["mean"]))
            norm.running_var = torch.tensor(np.asarray(own["var"]))
            modules.append(norm.eval())
        modules.append(guided_module(torch))
    scaled = images.astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
    pixels = torch.tensor(scaled, requires_grad=True)
    maps = torch.nn.Sequential(*modules)(pixels).flatten(2)
    maps[torch.arange(len(images)), filters].max(dim=1).values.sum().backward()
    return pixels.grad.numpy().transpose(0, 2, 3, 1)


def guided_module(torch):
    seen = []
    module = torch.nn.LeakyReLU(0.2)
    module.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    module.register_full_backward_hook(
        lambda module, to_input, from_output: (
            from_output[0].clamp(min=0) * (seen[0] > 0),
        )
    )
    return module


@pytest.mark.parametrize("formulation", ["lax", "phase"])
@pytest.mark.parametrize(
    ("kernel_size", "plan"),
    [
        (5, (ConvSpec(8, 2), ConvSpec(12, 2), ConvSpec(16, 2))),  # dcgan64's kind
        (
            3,
            (ConvSpec(6, 1), ConvSpec(8, 2), ConvSpec(10, 1), ConvSpec(12, 2)),
        ),  # imagenet32's
    ],
)
def test_torch_explains_the_same_weights_in_the_same_way(
    kernel_size, plan, formulation
):
    torch = pytest.importorskip("torch", reason="needs the extra [bench]")
    network = make_network(*plan, kernel_size=kernel_size, formulation=formulation)
    variables = draw_variables(network, (32, 32, 3))
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (8, 32, 32, 3), np.uint8)
    filters = np.arange(8)
    ours = guided_backprop.make_guided_gradients(network)(variables, images, filters)
    theirs = explain_in_torch(torch, network, variables, images, filters)
    assert (np.abs(theirs).max(axis=(1, 2, 3)) > 0).sum() >= 6
    assert np.abs(ours - theirs).max() / np.abs(theirs).max() < 1e-5


def test_the_strongest_come_first_and_of_equals_the_earlier():
    responses = np.array([[1, 5], [3, 5], [3, 0], [2, 5]], np.float32)
    found = guided_backprop.find_strongest(responses, kept=2)
    assert found.rows.tolist() == [[1, 2], [0, 1]]
    assert found.responses.tolist() == [[3, 3], [5, 5]]


def test_the_lead_is_counted_in_deviations():
    # Mean 1, deviation 2; the strongest image is 4 above: 5 − 1.
    responses = np.array([[5.0], [0.0], [0.0], [0.0], [0.0]])
    assert guided_backprop.find_strongest(responses, kept=1).lead == pytest.approx([2])
    alike = np.full((5, 1), 3.0)
    assert guided_backprop.find_strongest(alike, kept=2).lead == [0]


def test_a_gradient_is_shown_around_grey_by_its_own_largest_magnitude():
    gradients = np.array([[0.0, 2.0, -1.0], [0.0, 0.0, 0.0], [0.0, -50.0, 50.0]])
    shown = guided_backprop.to_picture(gradients.reshape(3, 1, 3, 1))
    assert shown.reshape(3, 3).tolist() == [[128, 255, 64], [128] * 3, [128, 0, 255]]
