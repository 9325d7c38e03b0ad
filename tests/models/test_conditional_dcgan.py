"""Any plain DCGAN that is told the labels of images, at every layer (§8.1)."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from dcgan_jax import models, presets
from dcgan_jax.architectures import PLAIN
from dcgan_jax.models.pair import SHAPES
from dcgan_jax.system import errors

BATCH, CLASSES, LATENT = 2, 3, 5
LABELS = jnp.array([0, 2])


def narrow(architecture, *, image_size=28, channels=1, **changes):
    return dataclasses.replace(
        presets.MNIST,
        architecture=architecture,
        image_size=image_size,
        channels=channels,
        latent_size=LATENT,
        width_multiplier=0.02,
        **changes,
    )


def find_shapes(config):
    """Return the shapes of both networks' kernels, and of their outputs."""
    shape = (BATCH, config.image_size, config.image_size, config.channels)
    inputs = (jnp.zeros((BATCH, LATENT)), jnp.zeros(shape))
    found, outputs = {}, []
    for network, given in zip(models.make_pair(config), inputs, strict=True):
        output, variables = jax.eval_shape(
            lambda network=network, given=given: network.init_with_output(
                jax.random.key(0), given, LABELS, train=True
            )
        )
        flat = traverse_util.flatten_dict(variables["params"], sep="/")
        kind = type(network).__name__
        found |= {f"{kind}/{name}": leaf.shape for name, leaf in flat.items()}
        outputs.append(output)
    return found, outputs


@pytest.mark.parametrize(
    ("architecture", "image_size", "channels"),
    [("small", size, 3) for size in SHAPES] + [(name, 32, 1) for name in PLAIN],
)
def test_every_layer_takes_a_map_or_unit_more_for_each_class(
    architecture, image_size, channels
):
    choices = {"image_size": image_size, "channels": channels}
    plain, _ = find_shapes(narrow(architecture, **choices))
    told, (images, (logits, _)) = find_shapes(
        narrow(architecture, conditional=True, num_classes=CLASSES, **choices)
    )
    assert images.shape == (BATCH, image_size, image_size, channels)
    assert logits.shape == (BATCH,)
    assert plain.keys() == told.keys()
    for name, shape in plain.items():
        wider = np.subtract(told[name], shape).tolist()
        if not name.endswith("kernel"):
            assert not any(wider), name
        elif len(shape) == 2:  # (in, out): a label is told once, not in every place
            assert wider == [CLASSES, 0], name
        else:  # (rows, columns, in, out), of the adjoint in a generator
            place = 3 if name.startswith("Generator") else 2
            assert wider == [CLASSES * (axis == place) for axis in range(4)], name


def draw_variables(network, *given):
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), *given, train=True))
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(0.1, 0.1, leaf.shape), leaf.dtype) ** 2,
        shapes,
    )


def test_the_label_alone_changes_what_is_drawn_and_how_it_is_judged():
    config = narrow("small", conditional=True, num_classes=CLASSES)
    generator, discriminator = models.make_pair(config)
    latents, images = jnp.ones((BATCH, LATENT)), jnp.zeros((BATCH, 28, 28, 1))
    drawn = generator.apply(
        draw_variables(generator, latents, LABELS), latents, LABELS, train=False
    )
    assert (drawn[0] != drawn[1]).any()
    logits, _ = discriminator.apply(
        draw_variables(discriminator, images, LABELS), images, LABELS, train=False
    )
    assert logits[0] != logits[1]


def test_without_labels_it_draws_nothing():
    config = narrow("small", conditional=True, num_classes=CLASSES)
    generator, _ = models.make_pair(config)
    with pytest.raises(ValueError, match="needs labels, one for each image"):
        generator.init(jax.random.key(0), jnp.ones((BATCH, LATENT)), train=True)


def test_what_reads_a_plain_discriminator_refuses_it():
    config = narrow("small", conditional=True, num_classes=CLASSES)
    with pytest.raises(errors.InputError, match="from a run without --conditional"):
        models.make_discriminator(config)
