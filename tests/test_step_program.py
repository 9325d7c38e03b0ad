"""What is not the paper's leaves no trace in the program while it is off."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dcgan_jax import losses, pixels, presets, steps
from dcgan_jax.config import PLAIN
from dcgan_jax.data.batches import Batch
from dcgan_jax.train_state import NetState

BATCH, K, SHAPE = 4, 2, (28, 28, 1)
SMALL = dataclasses.replace(presets.MNIST, width_multiplier=1 / 16)
FAST = {"xla_backend_optimization_level": "0"}


def apply(network, params, stats, *inputs, **options):
    variables = {"params": params, "batch_stats": stats}
    result, moved = network.apply(
        variables, *inputs, None, train=True, mutable=["batch_stats"], **options
    )
    return result, moved.get("batch_stats", {})


def move(optimizer, net, gradients, stats):
    updates, opt_state = optimizer.update(gradients, net.opt_state, net.params)
    return NetState(optax.apply_updates(net.params, updates), stats, opt_state)


def paper_step(nets, state, images, key):
    """Algorithm 1 with the losses of §3 as they stand, without any choice."""
    key = jax.random.fold_in(jax.random.fold_in(key, state.rollbacks), state.step)
    for index in range(K):
        own = jax.random.fold_in(key, index)
        real = pixels.scale_images(jnp.asarray(images[index]), "tanh")
        latents = nets.draw_latents(own, BATCH)
        gen = state.gen
        fake, _ = apply(nets.generator, gen.params, gen.batch_stats, latents)
        keys = jax.random.split(jax.random.fold_in(own, 1 << 30))

        def d_loss(params, state=state, real=real, fake=fake, keys=keys):
            disc, stats = nets.discriminator, state.disc.batch_stats
            rngs = [{"dropout": one} for one in keys]
            (real_logits, _), stats = apply(disc, params, stats, real, rngs=rngs[0])
            (fake_logits, _), stats = apply(disc, params, stats, fake, rngs=rngs[1])
            metrics = {
                "d_real": losses.mean_probability(real_logits),
                "d_fake": losses.mean_probability(fake_logits),
            }
            return losses.discriminator(real_logits, fake_logits), (stats, metrics)

        (loss, (stats, metrics)), gradients = jax.value_and_grad(d_loss, has_aux=True)(
            state.disc.params
        )
        disc = move(nets.disc_optimizer, state.disc, gradients, stats)
        metrics |= {"d_loss": loss, "d_grad_norm": optax.global_norm(gradients)}
        state = state.replace(disc=disc)
    own = jax.random.fold_in(key, K)
    latents = nets.draw_latents(own, BATCH)
    dropout = {"dropout": jax.random.fold_in(own, 1 << 30)}

    def g_loss(params):
        disc = state.disc
        fake, stats = apply(nets.generator, params, state.gen.batch_stats, latents)
        (logits, _), _ = apply(
            nets.discriminator, disc.params, disc.batch_stats, fake, rngs=dropout
        )
        return losses.generator_non_saturating(logits), stats

    (loss, stats), gradients = jax.value_and_grad(g_loss, has_aux=True)(
        state.gen.params
    )
    gen = move(nets.gen_optimizer, state.gen, gradients, stats)
    metrics |= {"g_loss": loss, "g_grad_norm": optax.global_norm(gradients)}
    return state.replace(gen=gen, step=state.step + 1), metrics


@pytest.mark.parametrize("architecture", PLAIN)
def test_the_default_step_is_the_paper_s_to_the_last_operation(architecture):
    config = dataclasses.replace(SMALL, architecture=architecture)
    nets = steps.make_nets(config, num_steps=10)
    key = jax.random.key(0)
    state = jax.eval_shape(
        lambda key: steps.init_state(nets, key, image_shape=SHAPE), key
    )
    images = np.zeros((K, BATCH, *SHAPE), np.uint8)
    ours = jax.make_jaxpr(
        lambda state, images, key: steps.train_step(
            nets, state, Batch(images, None), key
        )
    )(state, images, key)
    plain = jax.make_jaxpr(
        lambda state, images, key: paper_step(nets, state, images, key)
    )(state, images, key)
    assert len(ours.eqns) > 100
    assert list_operations(ours) == list_operations(plain)


def list_operations(jaxpr):
    """Return a program as text, without the addresses of functions."""
    return [str(line).split(" at 0x")[0] for line in str(jaxpr).splitlines()]


OPTIONS = {
    "spectral_norm": {"spectral_norm": True},
    "r1_gamma": {"r1_gamma": 10.0},
    "diffaugment": {"diffaugment": "color"},
    "hinge": {"loss": "hinge"},
    "d_learning_rate": {
        "adam": dataclasses.replace(SMALL.adam, d_learning_rate=1e-3)
    },
    "ema_decay": {"ema_decay": 0.5},
}  # fmt: skip


def step_once(config):
    nets = steps.make_nets(config, num_steps=10)
    key = jax.random.key(0)
    options = {"compiler_options": FAST}
    state = jax.jit(
        lambda key: steps.init_state(nets, key, image_shape=SHAPE), **options
    )(key)
    images = np.random.default_rng(0).integers(0, 256, (1, BATCH, *SHAPE), np.uint8)
    step = jax.jit(
        lambda s: steps.train_step(nets, s, Batch(images, None), key), **options
    )
    return step(state)


@pytest.fixture(scope="module")
def default():
    return step_once(SMALL)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_setting_beyond_the_paper_changes_what_a_step_leaves(name, default):
    after, metrics = step_once(dataclasses.replace(SMALL, **OPTIONS[name]))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((after, metrics)))
    if jax.tree.structure(after) == jax.tree.structure(default[0]):
        pairs = zip(jax.tree.leaves(after), jax.tree.leaves(default[0]), strict=True)
        assert any((x != y).any() for x, y in pairs)
    else:
        assert name in ("spectral_norm", "ema_decay")
