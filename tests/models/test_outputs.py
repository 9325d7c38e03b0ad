import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from dcgan_jax import presets
from dcgan_jax.gan.nets import make_nets


def narrow(preset, **changes):
    return dataclasses.replace(preset, width_multiplier=1 / 32, **changes)


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
