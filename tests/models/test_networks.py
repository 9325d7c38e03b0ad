import dataclasses
import itertools

import jax
import jax.numpy as jnp
import pytest

from dcgan_jax import models, presets

BATCH = 2


def narrow(preset, **changes):
    return dataclasses.replace(preset, width_multiplier=1 / 32, **changes)


def describe(config):
    """Return the shapes of both networks without computing anything.

    Returns:
        For each network a dictionary: of parameters (`conv0/kernel`, …) and, under
        `maps`, of its convolutions' outputs.
    """
    gen, disc = models.make_generator(config), models.make_discriminator(config)
    latents = jnp.zeros((BATCH, config.latent_size))
    images = jnp.zeros((BATCH, config.image_size, config.image_size, config.channels))

    def look(network, inputs):
        def run(key):
            variables = network.init(key, inputs, train=True)
            outputs, seen = network.apply(
                variables,
                inputs,
                train=True,
                mutable=["batch_stats", "intermediates"],
                capture_intermediates=lambda module, _: "conv" in (module.name or ""),
            )
            return variables, outputs, seen["intermediates"]

        variables, outputs, seen = jax.eval_shape(run, jax.random.key(0))
        maps = {
            name: inner["__call__"][0].shape
            for name, inner in seen.items()
            if not name.endswith("_maps")  # sown by the network itself
        }
        params = {
            jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(variables["params"])
        }
        return params, maps, outputs

    return look(gen, latents), look(disc, images)


def kernels(params):
    return {name: shape for name, shape in params.items() if name.endswith("kernel")}


def test_dcgan64_has_the_layers_of_figure_1():
    (gen, gen_maps, images), (disc, disc_maps, _) = describe(presets.LSUN_BEDROOM)
    assert images.shape == (BATCH, 64, 64, 3)
    assert kernels(gen) == {
        "project/dense/kernel": (100, 4 * 4 * 1024),
        "conv0/kernel": (5, 5, 512, 1024),
        "conv1/kernel": (5, 5, 256, 512),
        "conv2/kernel": (5, 5, 128, 256),
        "conv3/kernel": (5, 5, 3, 128),
    }
    assert gen_maps == {
        "conv0": (BATCH, 8, 8, 512),
        "conv1": (BATCH, 16, 16, 256),
        "conv2": (BATCH, 32, 32, 128),
        "conv3": (BATCH, 64, 64, 3),
    }
    assert kernels(disc) == {
        "conv0/kernel": (5, 5, 3, 128),
        "conv1/kernel": (5, 5, 128, 256),
        "conv2/kernel": (5, 5, 256, 512),
        "conv3/kernel": (5, 5, 512, 1024),
        "logit/dense/kernel": (4 * 4 * 1024, 1),
    }
    assert disc_maps == {
        "conv0": (BATCH, 32, 32, 128),
        "conv1": (BATCH, 16, 16, 256),
        "conv2": (BATCH, 8, 8, 512),
        "conv3": (BATCH, 4, 4, 1024),
    }


def test_svhn32_has_the_released_layers():
    (gen, gen_maps, images), (disc, disc_maps, _) = describe(presets.SVHN)
    assert images.shape == (BATCH, 32, 32, 3)
    assert kernels(gen) == {
        "project/dense/kernel": (100, 4 * 4 * 256),
        "conv0/kernel": (5, 5, 128, 256),
        "conv1/kernel": (5, 5, 64, 128),
        "conv2/kernel": (5, 5, 3, 64),
    }
    assert gen_maps == {
        "conv0": (BATCH, 8, 8, 128),
        "conv1": (BATCH, 16, 16, 64),
        "conv2": (BATCH, 32, 32, 3),
    }
    assert kernels(disc) == {
        "conv0/kernel": (5, 5, 3, 64),
        "conv1/kernel": (5, 5, 64, 128),
        "conv2/kernel": (5, 5, 128, 256),
        "logit/dense/kernel": (4 * 4 * 256, 1),
    }
    assert disc_maps == {
        "conv0": (BATCH, 16, 16, 64),
        "conv1": (BATCH, 8, 8, 128),
        "conv2": (BATCH, 4, 4, 256),
    }


def test_imagenet32_has_the_released_layers():
    (gen, gen_maps, images), (disc, disc_maps, _) = describe(presets.IMAGENET32)
    assert images.shape == (BATCH, 32, 32, 3)
    assert kernels(gen) == {
        "project/dense/kernel": (256, 4 * 4 * 512),
        "conv0/kernel": (3, 3, 512, 512),
        "conv1/kernel": (3, 3, 256, 512),
        "conv2/kernel": (3, 3, 256, 256),
        "conv3/kernel": (3, 3, 128, 256),
        "conv4/kernel": (3, 3, 128, 128),
        "conv5/kernel": (3, 3, 3, 128),
    }
    assert gen_maps == {
        "conv0": (BATCH, 8, 8, 512),
        "conv1": (BATCH, 8, 8, 256),
        "conv2": (BATCH, 16, 16, 256),
        "conv3": (BATCH, 16, 16, 128),
        "conv4": (BATCH, 32, 32, 128),
        "conv5": (BATCH, 32, 32, 3),
    }
    assert kernels(disc) == {
        "conv0/kernel": (3, 3, 3, 128),
        "conv1/kernel": (3, 3, 128, 128),
        "conv2/kernel": (3, 3, 128, 256),
        "conv3/kernel": (3, 3, 256, 256),
        "conv4/kernel": (3, 3, 256, 512),
        "conv5/kernel": (3, 3, 512, 512),
        "logit/dense/kernel": (4 * 4 * 512, 1),
    }
    assert disc_maps == {
        "conv0": (BATCH, 32, 32, 128),
        "conv1": (BATCH, 16, 16, 128),
        "conv2": (BATCH, 16, 16, 256),
        "conv3": (BATCH, 8, 8, 256),
        "conv4": (BATCH, 8, 8, 512),
        "conv5": (BATCH, 4, 4, 512),
    }


@pytest.mark.parametrize(
    ("preset", "num_features"),
    [(presets.IMAGENET32, 28_672), (presets.SVHN, 7_168)],
    ids=["imagenet32", "svhn32"],
)
def test_activations_pooled_to_4x4_make_the_features_of_the_paper(preset, num_features):
    _, (_, _, (_, activations)) = describe(preset)
    assert 16 * sum(maps.shape[-1] for maps in activations.values()) == num_features


@pytest.mark.parametrize("preset", presets.PRESETS.values(), ids=presets.PRESETS)
def test_the_one_bias_is_of_d_s_first_convolution_where_a_recipe_asks(preset):
    (gen, _, _), (disc, _, _) = describe(narrow(preset))
    biases = [name for name in (*gen, *disc) if name.endswith("bias")]
    assert biases == (["conv0/bias"] if preset.input_bias else [])


def test_batch_norm_is_everywhere_but_at_d_s_input_and_g_s_output():
    (gen, _, _), (disc, _, _) = describe(presets.LSUN_BEDROOM)
    assert {name: shape for name, shape in gen.items() if "gain" in name} == {
        "project/bn/gain": (4 * 4 * 1024,),
        "bn0/gain": (512,),
        "bn1/gain": (256,),
        "bn2/gain": (128,),
    }
    assert {name: shape for name, shape in disc.items() if "gain" in name} == {
        "bn1/gain": (256,),
        "bn2/gain": (512,),
        "bn3/gain": (1024,),
    }


@pytest.mark.parametrize(
    ("architecture", "channels"),
    [("small", 1), ("dcgan64", 3), ("imagenet32", 3), ("svhn32", 1)],
)
@pytest.mark.parametrize(
    ("size", "smallest", "num_blocks"),
    [(28, 7, 2), (32, 4, 3), (48, 6, 3), (64, 4, 4), (96, 6, 4), (128, 4, 5)],
)
def test_other_sizes_add_or_remove_stride_2_blocks(
    size, smallest, num_blocks, channels, architecture
):
    config = narrow(
        presets.LSUN_BEDROOM,
        image_size=size,
        channels=channels,
        architecture=architecture,
    )
    (gen, gen_maps, images), (_, disc_maps, (logits, _)) = describe(config)
    assert images.shape == (BATCH, size, size, channels)
    assert logits.shape == (BATCH,)
    last = list(disc_maps.values())[-1]
    assert last[1:3] == (smallest, smallest)
    units = gen["project/dense/kernel"][1]
    assert units == smallest**2 * last[-1]
    sides = [size, *(shape[1] for shape in disc_maps.values())]
    assert sum(a == 2 * b for a, b in itertools.pairwise(sides)) == num_blocks
    sides = [smallest, *(shape[1] for shape in gen_maps.values())]
    assert sum(2 * a == b for a, b in itertools.pairwise(sides)) == num_blocks


def test_the_width_multiplier_scales_every_layer():
    half = dataclasses.replace(presets.LSUN_BEDROOM, width_multiplier=0.5)
    (_, gen_maps, _), (_, disc_maps, _) = describe(half)
    assert [shape[-1] for shape in gen_maps.values()] == [256, 128, 64, 3]
    assert [shape[-1] for shape in disc_maps.values()] == [64, 128, 256, 512]


def test_a_layer_keeps_at_least_one_map():
    thin = dataclasses.replace(presets.DIGITS, width_multiplier=1e-6)
    convolutions = models.make_discriminator(thin).convolutions
    assert [layer.features for layer in convolutions] == [1, 1, 1]
