"""What §3 advises against: batch norm everywhere or not in G; average pooling in D."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.architectures import PLAIN
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import init_state, make_nets

CHOICES = {
    "all": {"batch_norm": "all"},
    "not_in_generator": {"batch_norm": "not_in_generator"},
    "not_in_discriminator": {"batch_norm": "not_in_discriminator"},
    "global_average": {"disc_pooling": "global_average"},
}
TINY = dataclasses.replace(presets.MNIST, width_multiplier=1 / 16)
FAST = {"xla_backend_optimization_level": "0"}


def list_params(config):
    """Return the shapes of both networks' parameters by name."""
    nets = make_nets(config, num_steps=1)
    shape = (config.image_size, config.image_size, config.channels)
    state = jax.eval_shape(
        lambda key: init_state(nets, key, image_shape=shape), jax.random.key(0)
    )
    return [
        {
            jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape
            for path, leaf in jax.tree_util.tree_leaves_with_path(net.params)
        }
        for net in (state.gen, state.disc)
    ]


@pytest.mark.parametrize("architecture", PLAIN)
def test_batch_norm_in_all_layers_adds_it_at_g_s_output_and_d_s_input(architecture):
    plain = dataclasses.replace(TINY, architecture=architecture)
    before = list_params(plain)
    after = list_params(dataclasses.replace(plain, batch_norm="all"))
    last = sum(name.startswith("conv") for name in before[0]) - 1
    first_width = before[1]["conv0/kernel"][-1]
    added = [
        {f"bn{last}/gain": (1,), f"bn{last}/offset": (1,)},  # grey: one channel
        {"bn0/gain": (first_width,), "bn0/offset": (first_width,)},
    ]
    for had, has, new in zip(before, after, added, strict=True):
        assert has == had | new


@pytest.mark.parametrize("architecture", PLAIN)
def test_without_batch_norm_g_has_its_kernels_alone_and_d_stays(architecture):
    plain = dataclasses.replace(TINY, architecture=architecture)
    gen, disc = list_params(plain)
    after = list_params(dataclasses.replace(plain, batch_norm="not_in_generator"))
    kernels = {name: shape for name, shape in gen.items() if name.endswith("kernel")}
    assert after == [kernels, disc]


@pytest.mark.parametrize("architecture", PLAIN)
def test_without_batch_norm_d_has_kernels_and_biases_and_g_stays(architecture):
    plain = dataclasses.replace(TINY, architecture=architecture, input_bias=True)
    gen, disc = list_params(plain)
    after = list_params(dataclasses.replace(plain, batch_norm="not_in_discriminator"))
    kernels = {name: shape for name, shape in disc.items() if name.endswith("kernel")}
    biases = {
        name.replace("kernel", "bias"): shape[-1:]
        for name, shape in kernels.items()
        if name.startswith("conv")
    }
    assert after == [gen, kernels | biases]


@pytest.mark.parametrize("architecture", PLAIN)
def test_global_average_pooling_leaves_d_a_weight_for_each_of_its_last_maps(
    architecture,
):
    plain = dataclasses.replace(TINY, architecture=architecture)
    gen, disc = list_params(plain)
    after = list_params(dataclasses.replace(plain, disc_pooling="global_average"))
    width = models.make_discriminator(plain).convolutions[-1].features
    assert after == [gen, disc | {"logit/dense/kernel": (width, 1)}]


@pytest.fixture(scope="module")
def taken(draw_state):
    """For each choice, the networks and the state before and after a step."""
    images = np.random.default_rng(0).integers(0, 256, (1, 8, 28, 28, 1), np.uint8)
    found = {}
    for name, changes in CHOICES.items():
        nets = make_nets(dataclasses.replace(TINY, **changes), num_steps=1)
        state = draw_state(nets, image_shape=(28, 28, 1))

        def take(state, images, key, nets=nets):
            return steps.train_step(nets, state, Batch(images, None), key)

        step = jax.jit(take, compiler_options=FAST)
        after, _ = step(state, images, jax.random.key(0))
        found[name] = nets, *jax.device_get((state, after))
    return found


@pytest.mark.parametrize("name", CHOICES)
def test_a_step_reaches_every_parameter_of_both_networks(name, taken):
    _, before, after = taken[name]
    for net in ("gen", "disc"):
        pairs = jax.tree_util.tree_leaves_with_path(
            jax.tree.map(
                lambda a, b: (np.isfinite(b).all(), (a != b).any()),
                getattr(before, net).params,
                getattr(after, net).params,
            ),
            is_leaf=lambda pair: isinstance(pair, tuple),
        )
        stuck = [jax.tree_util.keystr(p) for p, good in pairs if not all(good)]
        assert not stuck


def generate(nets, state, latents):
    images, _ = nets.generator.apply(
        {"params": state.gen.params, "batch_stats": state.gen.batch_stats},
        latents, train=True, mutable=["batch_stats"],
    )  # fmt: skip
    return np.asarray(images, np.float64)


def test_batch_norm_at_g_s_output_fixes_each_channel_s_mean_and_deviation(taken):
    nets, state, _ = taken["all"]
    latents = nets.draw_latents(jax.random.key(1), 8)
    before_tanh = np.arctanh(generate(nets, state, latents))
    norm = state.gen.params["bn1"]
    assert before_tanh.mean() == pytest.approx(norm["offset"][0], abs=1e-4)
    assert before_tanh.std() == pytest.approx(abs(norm["gain"][0]), rel=1e-3)


def test_without_batch_norm_a_logit_of_d_does_not_depend_on_its_batch(taken):
    nets, state, _ = taken["not_in_discriminator"]
    images = np.random.default_rng(1).uniform(-1, 1, (4, 28, 28, 1)).astype("f4")
    judge = lambda x: nets.judge(state.disc.params, {}, x, None, jax.random.key(0))[0]  # noqa: E731
    np.testing.assert_allclose(judge(images)[:2], judge(images[:2]), rtol=1e-5)


@pytest.mark.parametrize("architecture", PLAIN)
@pytest.mark.parametrize("width", [0.125, 0.5])
def test_without_batch_norm_maps_of_d_keep_their_scale_at_every_width(
    architecture, width
):
    config = dataclasses.replace(
        TINY,
        architecture=architecture,
        width_multiplier=width,
        batch_norm="not_in_discriminator",
    )
    disc = models.make_discriminator(config)
    images = np.random.default_rng(2).normal(0, 1, (16, 28, 28, 1)).astype("f4")
    apply = jax.jit(lambda x: disc.init_with_output(jax.random.key(0), x, train=True))
    (_, activations), _ = apply(images)
    scales = [np.sqrt(np.square(maps).mean()) for maps in activations.values()]
    # With N(0, 0.02) it falls to 0.0003 in the last of four layers.
    assert all(0.7 < scale < 1.3 for scale in scales), scales


def test_without_batch_norm_an_image_of_g_does_not_depend_on_its_batch(taken):
    nets, state, _ = taken["not_in_generator"]
    latents = nets.draw_latents(jax.random.key(1), 8)
    together = generate(nets, state, latents)
    alone = generate(nets, state, latents[:1])
    assert np.ptp(together) > 0
    np.testing.assert_allclose(alone, together[:1], atol=1e-6)
    assert state.gen.batch_stats == {}


def test_batch_norm_at_d_s_input_takes_the_first_bias_out(taken):
    nets, state, _ = taken["all"]
    images = jax.random.uniform(jax.random.key(1), (4, 28, 28, 1), minval=-1.0)
    kernel = state.disc.params["conv0"]["kernel"]
    bias = {"kernel": kernel, "bias": jnp.full(kernel.shape[-1], 3.0)}
    judged = [
        nets.discriminator.apply(
            {"params": params, "batch_stats": state.disc.batch_stats},
            images, train=True, mutable=["batch_stats"],
        )[0][0]
        for params in (state.disc.params, state.disc.params | {"conv0": bias})
    ]  # fmt: skip
    assert np.abs(judged[0]).max() > 1e-3
    np.testing.assert_allclose(judged[1], judged[0], atol=1e-3)


def test_pooled_logits_weigh_the_mean_of_each_of_the_last_maps(taken):
    nets, state, _ = taken["global_average"]
    images = jax.random.uniform(jax.random.key(1), (4, 28, 28, 1), minval=-1.0)
    (logits, activations), _ = nets.discriminator.apply(
        {"params": state.disc.params, "batch_stats": state.disc.batch_stats},
        images, train=True, mutable=["batch_stats"],
    )  # fmt: skip
    maps = np.asarray(activations["conv1"], np.float64)
    weights = state.disc.params["logit"]["dense"]["kernel"][:, 0]
    np.testing.assert_allclose(logits, maps.mean((1, 2)) @ weights, rtol=1e-4)
