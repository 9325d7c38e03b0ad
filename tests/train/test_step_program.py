"""What is not the paper's leaves no trace in the program while it is off."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.interpreters import partial_eval

from dcgan_jax import presets
from dcgan_jax.architectures import PLAIN
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import losses, steps
from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.gan.state import NetState
from dcgan_jax.models import pixels

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
        minibatch = images[index]
        own = jax.random.fold_in(key, index)
        real = pixels.scale_images(jnp.asarray(minibatch), "tanh")
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
        return -jax.nn.log_sigmoid(logits).mean(), stats

    (loss, stats), gradients = jax.value_and_grad(g_loss, has_aux=True)(
        state.gen.params
    )
    gen = move(nets.gen_optimizer, state.gen, gradients, stats)
    metrics |= {"g_loss": loss, "g_grad_norm": optax.global_norm(gradients)}
    return state.replace(gen=gen, step=state.step + 1), metrics


def list_operations(step, state):
    """Return what a step computes for its results, without the addresses of functions.

    What no result depends on is left out, as XLA leaves it out of the compiled program.
    """
    images = np.zeros((K, BATCH, *SHAPE), np.uint8)
    program = jax.make_jaxpr(step)(state, images, jax.random.key(0)).jaxpr
    program, _ = partial_eval.dce_jaxpr(program, [True] * len(program.outvars))
    return [str(line).split(" at 0x")[0] for line in str(program).splitlines()]


def trace(config):
    """Return a config's networks, the shapes of its state, and its step's program."""
    nets = make_nets(config, num_steps=10)
    state = jax.eval_shape(
        lambda key: init_state(nets, key, image_shape=SHAPE), jax.random.key(0)
    )

    def step(state, images, key):
        return steps.train_step(nets, state, Batch(images, None), key)

    return nets, state, list_operations(step, state)


@pytest.mark.parametrize("architecture", PLAIN)
def test_the_default_step_is_the_paper_s_to_the_last_operation(architecture):
    nets, state, ours = trace(dataclasses.replace(SMALL, architecture=architecture))
    plain = list_operations(functools.partial(paper_step, nets), state)
    assert len(ours) > 100
    assert ours == plain


def count_flops(step, state):
    """Return the floating-point operations of a step inside of a compiled loop."""
    images = np.zeros((K, BATCH, *SHAPE), np.uint8)

    def loop(state, key, count):
        body = lambda _, state: step(state, images, key)[0]  # noqa: E731
        return jax.lax.fori_loop(0, count, body, state)

    lowered = jax.jit(loop).lower(state, jax.random.key(0), 2)
    return lowered.compile(FAST).cost_analysis()["flops"]


@pytest.fixture(scope="module")
def flops():
    """The operations of our step, of the paper's, and of one with a relativistic G."""
    nets, state, _ = trace(SMALL)
    relativistic = nets._replace(
        generator_loss=lambda real, fake: jax.nn.softplus(real - fake).mean()
    )

    def of_ours(nets):
        def step(state, images, key):
            return steps.train_step(nets, state, Batch(images, None), key)

        return count_flops(step, state)

    paper = count_flops(functools.partial(paper_step, nets), state)
    return of_ours(nets), paper, of_ours(relativistic)


@pytest.mark.long
def test_a_loss_that_ignores_real_logits_does_not_pay_for_them(flops):
    ours, paper, _ = flops
    assert ours == paper


@pytest.mark.long
def test_a_loss_that_reads_real_logits_pays_for_one_pass_of_d(flops):
    ours, _, relativistic = flops
    assert 1.02 * ours < relativistic < 1.2 * ours


OPTIONS = {
    "spectral_norm": {"spectral_norm": True},
    "r1_gamma": {"r1_gamma": 10.0},
    "r2_gamma": {"r2_gamma": 10.0},
    "lazy R1": {"r1_gamma": 10.0, "penalty_every": 2},
    "relativistic": {"loss": "relativistic"},
    "not_in_discriminator": {"batch_norm": "not_in_discriminator"},
    "diffaugment": {"diffaugment": "color"},
    "mirror": {"mirror": True},
    "packing": {"packing": 2},
    "hinge": {"loss": "hinge"},
    "d_learning_rate": {
        "adam": dataclasses.replace(SMALL.adam, d_learning_rate=1e-3)
    },
    "ema_decay": {"ema_decay": 0.5},
}  # fmt: skip


@pytest.fixture(scope="module")
def default():
    return trace(SMALL)[2]


@pytest.mark.parametrize("name", OPTIONS)
def test_each_setting_beyond_the_paper_changes_the_program(name, default):
    assert trace(dataclasses.replace(SMALL, **OPTIONS[name]))[2] != default


@pytest.mark.long
def test_with_all_of_them_a_step_is_finite_and_moves_both_networks(draw_state):
    config = SMALL
    for changes in OPTIONS.values():
        config = dataclasses.replace(config, **changes)
    nets = make_nets(config, num_steps=10)
    state = draw_state(nets, image_shape=SHAPE)
    images = np.random.default_rng(0).integers(0, 256, (1, BATCH, *SHAPE), np.uint8)

    @functools.partial(jax.jit, compiler_options=FAST)
    def step(state):
        return steps.train_step(nets, state, Batch(images, None), jax.random.key(0))

    after, metrics = step(state)
    assert set(metrics) == set(steps.METRICS)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((after, metrics)))
    for name in ("gen", "disc"):
        pairs = [jax.tree.leaves(getattr(one, name).params) for one in (after, state)]
        assert all((x != y).any() for x, y in zip(*pairs, strict=True))
