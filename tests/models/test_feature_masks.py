"""Feature maps of generators can be read and dropped; training is as it was."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from dcgan_jax import models, presets
from dcgan_jax.models import layers
from dcgan_jax.sample import draw as sampling
from dcgan_jax.system import errors

NAMES = ["svhn", "imagenet32", "mnist_conditional"]
LABELS = jnp.arange(4, dtype=jnp.int32)


class Subject(NamedTuple):
    """A generator, and its images under masks of all its hidden convolutions."""

    network: nn.Module
    variables: dict[str, Any]
    latents: np.ndarray
    draw: Callable[..., np.ndarray]


def make(name):
    config = dataclasses.replace(
        {**presets.PRESETS, **presets.RECIPES}[name],
        width_multiplier=1 / 32,
        num_classes=10 if name.startswith("mnist_") else None,
    )
    return config, models.make_pair(config).generator


@pytest.fixture(scope="module", params=NAMES)
def subject(request):
    config, network = make(request.param)
    rng = np.random.default_rng(0)
    latents = rng.uniform(-1, 1, (4, config.latent_size)).astype(np.float32)
    shapes = jax.eval_shape(
        lambda key: network.init(key, latents, LABELS, train=True), jax.random.key(0)
    )

    def fill(path, leaf):
        around = path[-1].key in ("gain", "var")
        return rng.normal(around, 0.1, leaf.shape).astype(np.float32)

    variables = jax.tree_util.tree_map_with_path(fill, shapes)
    masked = jax.jit(
        lambda variables, masks: network.apply(
            variables, latents, LABELS, train=False, feature_masks=masks
        )
    )
    ones = {
        layer: np.ones(count_maps(variables, layer), np.float32)
        for layer in models.list_hidden_convolutions(network)
    }

    def draw(variables, **masks):
        return np.asarray(masked(variables, {**ones, **masks}))

    return Subject(network, variables, latents, draw)


def count_maps(variables, layer):
    return variables["params"][layer]["kernel"].shape[2]


def test_dropping_a_map_is_taking_its_weights_from_the_next_convolution(subject):
    network, variables, _, draw = subject
    unchanged = draw(variables)
    for index, layer in enumerate(models.list_hidden_convolutions(network)):
        above = f"conv{index + 1}"
        kernel = variables["params"][above]["kernel"].copy()
        kernel[..., 1] = 0
        params = {**variables["params"], above: {"kernel": kernel}}
        expected = draw({**variables, "params": params})
        mask = np.arange(count_maps(variables, layer)) != 1
        found = draw(variables, **{layer: mask.astype(np.float32)})
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.abs(found - unchanged).max() > 1e-3


def test_a_mask_of_ones_changes_nothing(subject):
    network, variables, latents, _ = subject
    layer = models.list_hidden_convolutions(network)[-1]
    mask = np.ones(count_maps(variables, layer), np.float32)
    sampler = sampling.make_sampler(network)
    arguments = variables, latents, np.asarray(LABELS)
    np.testing.assert_array_equal(
        sampler(*arguments, feature_masks={layer: mask}), sampler(*arguments)
    )


def test_the_maps_that_are_read_are_those_that_make_the_image(subject):
    network, variables, latents, draw = subject
    layer = models.list_hidden_convolutions(network)[-1]
    read = sampling.make_map_reader(network, layer)
    maps = read(variables, latents, np.asarray(LABELS))
    num_maps = count_maps(variables, layer)
    assert maps.shape[0] == 4
    assert maps.shape[3] == num_maps
    dark = draw(variables, **{layer: np.zeros(num_maps, np.float32)})
    for number in range(num_maps):
        alone = np.eye(num_maps, dtype=np.float32)[number]
        shown = np.abs(draw(variables, **{layer: alone}) - dark).max((1, 2, 3)) > 0
        np.testing.assert_array_equal(maps[..., number].max((1, 2)) > 0, shown)


def test_training_computes_what_it_did_without(subject, monkeypatch):
    network, variables, latents, _ = subject

    def trace():
        def apply(variables):
            return network.apply(
                variables, latents, LABELS, train=True, mutable=["batch_stats"]
            )

        return str(jax.make_jaxpr(apply)(variables))

    with_maps = trace()
    monkeypatch.setattr(layers, "expose_maps", lambda network, name, x, masks: x)
    assert trace() == with_maps
    assert set(variables) == {"params", "batch_stats"}


@pytest.mark.parametrize("name", ["mnist_mlp", "goodfellow_mnist"])
def test_generators_without_such_maps_are_refused(name):
    _, generator = make(name)
    with pytest.raises(errors.InputError, match="no DCGAN"):
        models.list_hidden_convolutions(generator)
