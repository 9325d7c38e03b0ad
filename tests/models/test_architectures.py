import contextlib
import dataclasses

import jax
import jax.export
import jax.numpy as jnp
import pytest

from dcgan_jax import models, presets
from dcgan_jax.architectures import ARCHITECTURES
from dcgan_jax.models import dcgan

BATCH, CLASSES = 2, 3
LABELS = jnp.zeros(BATCH, jnp.int32)
KEYS = dict.fromkeys(("params", "dropout"), jax.random.key(0))


def narrow(name):
    """Return the settings of a thin pair, for the size that it fits."""
    known = ARCHITECTURES[name]
    return dataclasses.replace(
        presets.MNIST,
        architecture=name,
        image_size=known.image_size or 28,
        num_classes=CLASSES if known.is_conditional else None,
        width_multiplier=0.02,
    )


def trace(network, inputs, labels):
    """Return the shapes of a new network's outputs."""
    return jax.eval_shape(
        lambda: network.init_with_output(KEYS, inputs, labels, train=True)[0]
    )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_of_the_list_is_a_pair_that_fits_together(name):
    config = narrow(name)
    generator, discriminator = models.make_pair(config)
    made = trace(generator, jnp.zeros((BATCH, config.latent_size)), LABELS)
    assert made.shape == (BATCH, config.image_size, config.image_size, 1)
    logits, activations = trace(discriminator, jnp.zeros(made.shape), LABELS)
    assert logits.shape == (BATCH,)
    assert activations


@pytest.mark.parametrize(
    ("name", "has_labels"),
    [(name, one.is_conditional) for name, one in ARCHITECTURES.items()]
    + [(name, True) for name, one in ARCHITECTURES.items() if one.is_plain],
)
def test_the_number_of_images_may_stay_open_as_onnx_has_it(name, has_labels):
    config = dataclasses.replace(
        narrow(name),
        conditional=has_labels and ARCHITECTURES[name].is_plain,
        num_classes=CLASSES if has_labels else None,
    )
    (batch,) = jax.export.symbolic_shape("B")
    labels = jax.ShapeDtypeStruct((batch,), jnp.int32) if has_labels else None
    side = config.image_size
    for network, shape, outputs in zip(
        models.make_pair(dataclasses.replace(config, convolution="lax")),
        [(config.latent_size,), (side, side, 1)],
        [(batch, side, side, 1), (batch,)],
        strict=True,
    ):
        given = [jnp.zeros((BATCH, *shape)), LABELS if has_labels else None]
        variables = jax.eval_shape(
            lambda network=network, given=given: network.init(KEYS, *given, train=True)
        )
        found = jax.eval_shape(
            lambda *inputs, network=network: network.apply(*inputs, train=False),
            variables, jax.ShapeDtypeStruct((batch, *shape), jnp.float32), labels,
        )  # fmt: skip
        first = found[0] if isinstance(found, tuple) else found
        assert first.shape == outputs


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_plain_ones_of_the_list_are_those_of_the_module_dcgan(name):
    generator, discriminator = models.make_pair(narrow(name))
    is_plain = ARCHITECTURES[name].is_plain
    assert isinstance(generator, dcgan.Generator) == is_plain
    assert isinstance(discriminator, dcgan.Discriminator) == is_plain


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_conditional_ones_of_the_list_alone_need_labels(name):
    config = narrow(name)
    for network, shape in zip(
        models.make_pair(config),
        [(BATCH, config.latent_size), (BATCH, *[config.image_size] * 2, 1)],
        strict=True,
    ):
        with (
            pytest.raises(ValueError, match="label")
            if ARCHITECTURES[name].is_conditional
            else contextlib.nullcontext()
        ):
            trace(network, jnp.zeros(shape), None)
