import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dcgan_jax import models, presets
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.models import layers

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


@pytest.mark.parametrize("name", ["lsun_bedroom", "imagenet32", "svhn", "celeb_a"])
def test_the_paper_s_recipes_have_no_bias(name):
    assert not presets.PRESETS[name].input_bias


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


def judge_by_hand(params, images):
    """Compute svhn32's discriminator in float64 products, a layer after the other."""

    def normalise(x, bn):
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return bn["gain"] * (x - mean) / np.sqrt(var + 1e-8) + bn["offset"]

    x, maps = np.asarray(images, np.float64), []
    for index in range(3):
        kernel = params[f"conv{index}"]["kernel"]
        x = np.asarray(
            lax.conv_general_dilated(
                x.astype(np.float32), kernel, (2, 2), [(2, 2), (2, 2)],
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            ),
            np.float64,
        )  # fmt: skip
        if index > 0:
            x = normalise(x, params[f"bn{index}"])
        x = np.maximum(x, 0.2 * x)
        maps.append(x)
    return x.reshape(len(x), -1) @ params["logit"]["dense"]["kernel"][:, 0], maps


NARROW = dataclasses.replace(presets.SVHN, width_multiplier=1 / 16)


def judge(nets, state, images):
    return nets.discriminator.apply(
        {"params": state.disc.params, "batch_stats": state.disc.batch_stats},
        images,
        train=True,
        mutable=["batch_stats"],
    )


@pytest.fixture(scope="module")
def judged(draw_state):
    """A narrow discriminator's parameters, images, logits and activations."""
    nets = make_nets(NARROW, num_steps=1)
    state = draw_state(nets, image_shape=(32, 32, 3))
    images = jax.random.uniform(jax.random.key(1), (4, 32, 32, 3), minval=-1.0)
    (logits, activations), _ = judge(nets, state, images)
    return jax.device_get(state.disc.params), images, logits, activations


def test_activations_are_the_convolutions_after_leaky_relu_in_order(judged):
    params, images, _, activations = judged
    _, maps = judge_by_hand(params, images)
    assert list(activations) == ["conv0", "conv1", "conv2"]
    for ours, exact in zip(activations.values(), maps, strict=True):
        np.testing.assert_allclose(ours, exact, atol=1e-4 * np.abs(exact).max())


def test_logits_weigh_the_last_activation(judged):
    params, images, logits, _ = judged
    exact, _ = judge_by_hand(params, images)
    np.testing.assert_allclose(logits, exact, atol=1e-4 * np.abs(exact).max())


def test_the_activation_is_an_argument_of_the_discriminator(judged, draw_state):
    _, images, _, _ = judged
    nets = make_nets(NARROW, num_steps=1)
    state = draw_state(nets, image_shape=(32, 32, 3))
    silent = nets._replace(
        discriminator=nets.discriminator.clone(activation=jnp.zeros_like)
    )
    (logits, activations), _ = judge(silent, state, images)
    assert not logits.any()
    assert not any(maps.any() for maps in activations.values())


@pytest.mark.parametrize(
    ("input_bias", "feels_it"), [(False, False), (True, True)], ids=["without", "with"]
)
def test_only_a_bias_lets_the_discriminator_feel_a_whole_batch_s_contrast(
    input_bias, feels_it, draw_state
):
    # LeakyReLU passes a factor on, batch norm removes it (models/dcgan.py).
    config = dataclasses.replace(NARROW, input_bias=input_bias)
    nets = make_nets(config, num_steps=1)
    state = draw_state(nets, image_shape=(32, 32, 3))
    images = jax.random.uniform(jax.random.key(1), (4, 32, 32, 3), minval=-1.0)
    (logits, _), _ = judge(nets, state, images)
    (fainter, _), _ = judge(nets, state, 0.5 * images)
    change = np.abs(fainter - logits).max() / np.abs(logits).max()
    assert (change > 1e-2) == feels_it
    assert (change < 1e-4) != feels_it


@pytest.fixture
def normed():
    """Inputs, gain, offset and running statistics far from where they start."""
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, (5, 4, 4, 6)).astype(np.float32)
    params = {
        "gain": rng.normal(1.0, 0.5, 6).astype(np.float32),
        "offset": rng.normal(0.0, 1.0, 6).astype(np.float32),
    }
    stats = {
        "mean": rng.normal(0.0, 1.0, 6).astype(np.float32),
        "var": rng.uniform(0.5, 2.0, 6).astype(np.float32),
    }
    return x, params, stats


def test_batch_norm_normalises_by_the_batch_while_training(normed):
    x, params, stats = normed
    ours, _ = layers.BatchNorm().apply(
        {"params": params, "batch_stats": stats}, x, train=True, mutable=["batch_stats"]
    )
    exact = x.astype(np.float64)
    exact = (exact - exact.mean((0, 1, 2))) / np.sqrt(exact.var((0, 1, 2)) + 1e-8)
    exact = exact * params["gain"] + params["offset"]
    np.testing.assert_allclose(ours, exact, atol=1e-5)


def test_batch_norm_moves_its_statistics_by_a_tenth_of_biased_moments(normed):
    x, params, stats = normed
    _, moved = layers.BatchNorm().apply(
        {"params": params, "batch_stats": stats}, x, train=True, mutable=["batch_stats"]
    )
    exact = x.astype(np.float64)
    mean = 0.9 * stats["mean"] + 0.1 * exact.mean((0, 1, 2))
    var = 0.9 * stats["var"] + 0.1 * exact.var((0, 1, 2), ddof=0)
    np.testing.assert_allclose(moved["batch_stats"]["mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(moved["batch_stats"]["var"], var, rtol=1e-5)


def test_batch_norm_normalises_by_its_statistics_otherwise(normed):
    x, params, stats = normed
    ours = layers.BatchNorm().apply(
        {"params": params, "batch_stats": stats}, x, train=False
    )
    exact = x.astype(np.float64)
    exact = (exact - stats["mean"]) / np.sqrt(stats["var"].astype(np.float64) + 1e-8)
    exact = exact * params["gain"] + params["offset"]
    np.testing.assert_allclose(ours, exact, atol=1e-5)


def test_initialising_moves_no_statistics():
    x = jnp.full((2, 3), 7.0)
    stats = layers.BatchNorm().init(jax.random.key(0), x, train=True)["batch_stats"]
    assert not stats["mean"].any()
    assert (stats["var"] == 1).all()


@pytest.fixture(scope="module")
def in_both_precisions(draw_state):
    """Both networks' outputs, in float32 and in bfloat16, from the same parameters."""
    results = {}
    for precision in ("float32", "bfloat16"):
        config = dataclasses.replace(NARROW, precision=precision, convolution="lax")
        nets = make_nets(config, num_steps=1)
        state = draw_state(nets, image_shape=(32, 32, 3))

        @jax.jit
        def run(state, nets=nets):
            latents = nets.draw_latents(jax.random.key(0), 8)
            images, gen_stats = nets.generator.apply(
                {"params": state.gen.params, "batch_stats": state.gen.batch_stats},
                latents, train=True, mutable=["batch_stats"],
            )  # fmt: skip
            (logits, activations), disc_stats = judge(nets, state, images)
            return state, (images, logits), activations, (gen_stats, disc_stats)

        results[precision] = run(state)
    return results


def test_bfloat16_computes_the_convolutions_in_bfloat16(in_both_precisions):
    _, _, activations, _ = in_both_precisions["bfloat16"]
    assert {maps.dtype for maps in activations.values()} == {jnp.dtype("bfloat16")}


def test_bfloat16_keeps_parameters_statistics_and_outputs_in_float32(
    in_both_precisions,
):
    state, outputs, _, stats = in_both_precisions["bfloat16"]
    kept = (state.gen.params, state.disc.params, stats, outputs)
    assert {leaf.dtype for leaf in jax.tree.leaves(kept)} == {jnp.dtype("float32")}


def test_bfloat16_comes_close_to_float32(in_both_precisions):
    _, exact, _, _ = in_both_precisions["float32"]
    _, coarse, _, _ = in_both_precisions["bfloat16"]
    for ours, theirs in zip(coarse, exact, strict=True):
        assert 0 < np.abs(ours - theirs).max() < 0.1 * np.abs(theirs).max()
