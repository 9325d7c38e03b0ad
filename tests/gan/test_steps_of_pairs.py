"""The steps of pairs that differ in range, labels, dropout; and of those of old."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from dcgan_jax import presets
from dcgan_jax.architectures import CONDITIONAL
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import steps
from dcgan_jax.gan.nets import init_state, make_nets
from small_steps import BATCH, QUICK, jit, softplus

RECIPES = {**presets.PRESETS, **presets.RECIPES}
CLASSES = 3


def narrow(name):
    """Return a recipe's config at a small width and its images' shape."""
    classes = CLASSES if RECIPES[name].architecture in CONDITIONAL else None
    config = dataclasses.replace(
        RECIPES[name], width_multiplier=1 / 32, num_classes=classes
    )
    return config, (config.image_size, config.image_size, config.channels)


def draw_batch(*lead, shape):
    images = np.random.default_rng(0).integers(0, 256, (*lead, *shape), np.uint8)
    labels = np.random.default_rng(1).integers(0, CLASSES, lead).astype(np.int32)
    return Batch(images, labels)


# Computed by this project before it knew of labels, dropout and sgd (2305327).
BEFORE = {
    "digits": {
        "d_fake": 0.491955, "d_real": 0.510409, "d_loss": 1.352068,
        "d_grad_norm": 6.571285, "g_loss": 0.708898, "g_grad_norm": 6.449988,
    },
    "svhn": {
        "d_fake": 0.500742, "d_real": 0.489600, "d_loss": 1.412167,
        "d_grad_norm": 6.404947, "g_loss": 0.698919, "g_grad_norm": 7.948408,
    },
    "cifar10": {
        "d_fake": 0.480704, "d_real": 0.513066, "d_loss": 1.329937,
        "d_grad_norm": 12.747945, "g_loss": 0.825303, "g_grad_norm": 29.027231,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name == "cifar10" else [])
        for name in BEFORE
    ],
)
def test_an_old_recipe_s_run_goes_on_as_it_always_did(name):
    # Other keys or another order of draws would change these by far more than rounding.
    config, shape = narrow(name)
    if name == "cifar10":  # which has taken the bias since
        config = dataclasses.replace(config, input_bias=False)
    nets = make_nets(config, num_steps=10)
    init = functools.partial(init_state, nets, image_shape=shape)
    state = jax.jit(init, compiler_options=QUICK)(jax.random.key(0))
    step = jit(steps.train_step, nets)
    for images in draw_batch(2, 1, BATCH, shape=shape).images:
        state, metrics = step(state, Batch(images, None), jax.random.key(1))
    for key, value in BEFORE[name].items():
        assert float(metrics[key]) == pytest.approx(value, rel=1e-3), key


def centre(x):
    return x - x.mean()


class Blank(nn.Module):
    """A generator of nothing, in another's range."""

    pixel_range: str
    side: int

    @nn.compact
    def __call__(self, latents, labels=None, *, train):
        bias = self.param("bias", nn.initializers.zeros, (self.side, self.side, 1))
        return jnp.broadcast_to(bias, (len(latents), *bias.shape))


class MeanOf(nn.Module):
    """A discriminator whose logit is the mean of an image's absolute values."""

    @nn.compact
    def __call__(self, images, labels=None, *, train):
        return self.param("one", nn.initializers.ones, ()) * jnp.abs(images).mean(
            (1, 2, 3)
        ), {}


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("svhn", lambda x: x / 127.5 - 1),
        ("mnist_conditional", lambda x: x / 255),
        ("mnist_mlp", lambda x: x / 255),
        ("goodfellow_mnist", lambda x: x / 255),
        ("goodfellow_cifar10", lambda x: 55 * centre(x) / np.linalg.norm(centre(x))),
    ],
)
def test_d_sees_real_images_in_the_generator_s_range(name, scale):
    config, shape = narrow(name)
    nets = make_nets(config, num_steps=10, num_rows=1000)
    nets = nets._replace(
        generator=Blank(nets.generator.pixel_range, shape[0]),
        discriminator=MeanOf(),
        gen_optimizer=optax.sgd(0.0),
        disc_optimizer=optax.sgd(0.0),
    )
    state = init_state(nets, jax.random.key(0), image_shape=shape)
    batch = draw_batch(BATCH, shape=shape)
    _, metrics = steps.d_step(nets, state, batch, jax.random.key(0))
    real = [np.abs(scale(image.astype(np.float64))).mean() for image in batch.images]
    exact = np.mean(1 / (1 + np.exp(-np.array(real))))
    assert metrics["d_real"] == pytest.approx(exact, rel=1e-5)


@pytest.fixture(scope="module", params=["mnist_conditional", "mnist_mlp"])
def conditional(request, draw_state):
    """A conditional pair's steps, a state and a batch."""
    config, shape = narrow(request.param)
    nets = make_nets(config, num_steps=10)
    state = draw_state(nets, image_shape=shape)
    g_step = jit(steps.g_step, nets)
    return jit(steps.d_step, nets), g_step, state, draw_batch(BATCH, shape=shape)


def test_d_judges_real_and_generated_images_by_their_labels(conditional):
    d_step, _, state, batch = conditional
    others = batch._replace(labels=(batch.labels + 1) % CLASSES)
    _, first = d_step(state, batch, jax.random.key(0))
    _, second = d_step(state, others, jax.random.key(0))
    assert abs(first["d_real"] - second["d_real"]) > 1e-4
    assert abs(first["d_fake"] - second["d_fake"]) > 1e-4


def test_g_is_asked_for_the_labels_that_it_is_given(conditional):
    _, g_step, state, batch = conditional
    asked = [batch._replace(labels=np.full(BATCH, n, np.int32)) for n in range(CLASSES)]
    losses = [g_step(state, one, jax.random.key(0))[1]["g_loss"] for one in asked]
    assert len({float(loss) for loss in losses}) == CLASSES


def test_the_generator_is_trained_on_the_last_minibatch_s_labels(draw_state):
    config, shape = narrow("mnist_mlp")
    still = dataclasses.replace(config.adam, learning_rate=0.0)
    nets = make_nets(dataclasses.replace(config, adam=still), num_steps=10)
    state = draw_state(nets, image_shape=shape)
    step = jit(steps.train_step, nets)
    batches = draw_batch(2, BATCH, shape=shape)

    def g_loss(changed):
        labels = batches.labels.copy()
        labels[changed] = (labels[changed] + 1) % CLASSES
        batch = batches._replace(labels=labels)
        return step(state, batch, jax.random.key(0))[1]["g_loss"]

    _, metrics = step(state, batches, jax.random.key(0))
    assert g_loss(0) == metrics["g_loss"]
    assert g_loss(1) != metrics["g_loss"]


@pytest.fixture(scope="module")
def dropping(draw_state):
    """A pair with dropout that never moves, a state and a batch."""
    config, shape = narrow("goodfellow_mnist")
    nets = make_nets(config, num_steps=10, num_rows=1000)
    return nets, draw_state(nets, image_shape=shape), draw_batch(BATCH, shape=shape)


def test_dropout_changes_with_the_key_of_the_update(dropping):
    nets, state, batch = dropping
    d_step = jit(steps.d_step, nets)
    first, second, again = (
        d_step(state, batch, jax.random.key(seed))[1]["d_real"] for seed in (1, 2, 1)
    )
    assert first != second
    assert first == again


def test_real_and_generated_images_are_dropped_out_apart(dropping):
    nets, state, batch = dropping
    # A generator that paints the real images: only dropout tells them apart.
    real = batch.images / np.float32(255)

    class Copy(nn.Module):
        pixel_range = "sigmoid"

        @nn.compact
        def __call__(self, latents, labels=None, *, train):
            return jnp.asarray(real)

    d_step = jit(steps.d_step, nets._replace(generator=Copy()))
    _, metrics = d_step(state, batch, jax.random.key(0))
    assert metrics["d_real"] != metrics["d_fake"]


def test_g_is_trained_against_a_discriminator_that_drops_out(dropping):
    nets, state, batch = dropping
    key = jax.random.key(0)
    _, metrics = jit(steps.g_step, nets)(state, batch, key)
    images = nets.generator.apply(
        {"params": state.gen.params}, nets.draw_latents(key, BATCH), train=True
    )
    logits, _ = nets.discriminator.apply(
        {"params": state.disc.params}, images, train=False
    )
    whole = softplus(-np.asarray(logits, np.float64)).mean()
    assert abs(metrics["g_loss"] - whole) > 1e-3
