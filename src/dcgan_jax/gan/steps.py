"""The two pure functions that a GAN is.

Algorithm 1 of Goodfellow et al. 2014: k discriminator updates, each on a new minibatch
and new latents, then one generator update on new latents.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import augment, averaging, losses, optimizers, passes, penalties
from dcgan_jax.gan.augment import Augment
from dcgan_jax.gan.averaging import Averaging
from dcgan_jax.gan.penalties import Penalise
from dcgan_jax.gan.state import NetState, PyTree, TrainState
from dcgan_jax.models import pixels

Array = jax.Array
Metrics = dict[str, Array]

METRICS = ("d_loss", "g_loss", "d_real", "d_fake", "d_grad_norm", "g_grad_norm")
# The latents come from an update's own key; dropout from what is folded in under a
# number beyond all of theirs, so that networks without it draw as they did before.
_DROPOUT = 1 << 30


class Nets(NamedTuple):
    """What is static about a run: networks, optimisers, objective, latents.

    Attributes:
        generator: latents and labels → images.
        discriminator: images and labels → (logits, activations).
        gen_optimizer: of the generator.
        disc_optimizer: of the discriminator.
        generator_loss: (batch,) logits of generated images → scalar.
        draw_latents: (key, batch) → (batch, latent_size).
        simultaneous: whether G's update is taken against D as it was before its own.
        discriminator_loss: (batch,) logits of real and of generated images → scalar.
        penalise: D's loss, its function images → logits, real images → loss.
        augment: images in the generator's range as D is to see them, and a key → such
            images.
        averaging: of the generator's weights.
    """

    generator: nn.Module
    discriminator: nn.Module
    gen_optimizer: optax.GradientTransformation
    disc_optimizer: optax.GradientTransformation
    generator_loss: Callable[[Array], Array]
    draw_latents: Callable[[Array, int], Array]
    simultaneous: bool = False
    discriminator_loss: Callable[[Array, Array], Array] = losses.discriminator
    penalise: Penalise = penalties.leave_loss
    augment: Augment = augment.leave_images
    averaging: Averaging = averaging.OFF


def make_nets(
    config: TrainConfig, *, num_steps: int, num_rows: int | None = None
) -> Nets:
    """Build the static part of a run.

    Args:
        config: of the run.
        num_steps: its length.
        num_rows: images that it trains on; only sgd needs it.
    """
    pair = models.make_pair(config)
    optimizer = optimizers.make_optimizers(
        config, num_steps=num_steps, num_rows=num_rows
    )
    objectives = losses.OBJECTIVES[config.loss]
    return Nets(
        generator=pair.generator,
        discriminator=pair.discriminator,
        gen_optimizer=optimizer.gen,
        disc_optimizer=optimizer.disc,
        generator_loss=objectives.generator,
        draw_latents=models.make_latents(config),
        simultaneous=config.updates == "simultaneous",
        discriminator_loss=objectives.discriminator,
        penalise=penalties.make_penalty(r1_gamma=config.r1_gamma),
        augment=augment.make_augment(config.diffaugment),
        averaging=averaging.make_averaging(config.ema_decay),
    )


def init_state(nets: Nets, key: Array, *, image_shape: tuple[int, ...]) -> TrainState:
    """Draw the initial weights.

    Args:
        nets: the networks.
        key: a random key.
        image_shape: (height, width, channels) of the data.
    """
    gen_key, disc_key = jax.random.split(key)
    latents = nets.draw_latents(key, 2)
    labels = jnp.zeros(2, jnp.int32)
    images = jnp.zeros((2, *image_shape))
    gen = nets.generator.init(gen_key, latents, labels, train=True)
    disc = nets.discriminator.init(disc_key, images, labels, train=True)
    gen_state = _net_state(gen, nets.gen_optimizer)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        rollbacks=jnp.zeros((), jnp.int32),
        gen=gen_state,
        disc=_net_state(disc, nets.disc_optimizer),
        optional=nets.averaging.begin(gen_state),
    )


def scale_images(images: Array) -> Array:
    """Map uint8 images to the range of a DCGAN's tanh, [-1, 1] (§4)."""
    return pixels.scale_images(images, "tanh")


def d_step(
    nets: Nets, state: TrainState, batch: Batch, key: Array
) -> tuple[TrainState, Metrics]:
    """Update the discriminator on one real and one generated minibatch.

    Real and generated images pass separately, so each is normalised by its own batch
    statistics. D's running statistics follow the real batch, then the generated one;
    the generator normalises by its batch and nothing of it moves, not even its running
    statistics.

    Args:
        nets: the static part.
        state: before the update.
        batch: uint8 images (batch, height, width, channels), and labels or None.
        key: for the latents, and for dropout where D has it.

    Returns:
        The state with a new `disc`, and d_loss (with its penalty), d_real = E[D(x)],
        d_fake = E[D(G(z))], d_grad_norm (of d_loss alone, before the L2 term).
    """
    real = pixels.scale_images(jnp.asarray(batch.images), nets.generator.pixel_range)
    labels = None if batch.labels is None else jnp.asarray(batch.labels)
    latents = nets.draw_latents(key, real.shape[0])
    fake, _ = passes.generate(
        nets.generator, state.gen, state.gen.params, latents, labels
    )
    real_key, fake_key = jax.random.split(jax.random.fold_in(key, _DROPOUT))
    real, fake = nets.augment(real, real_key), nets.augment(fake, fake_key)
    judge = functools.partial(passes.judge, nets.discriminator)

    def loss_of(params: PyTree) -> tuple[Array, tuple[PyTree, Metrics]]:
        stats = state.disc.batch_stats
        real_logits, stats = judge(params, stats, real, labels, real_key)
        fake_logits, stats = judge(params, stats, fake, labels, fake_key)
        metrics = {
            "d_real": losses.mean_probability(real_logits),
            "d_fake": losses.mean_probability(fake_logits),
        }
        loss = nets.discriminator_loss(real_logits, fake_logits)

        def score(images: Array) -> Array:
            before = state.disc.batch_stats
            return judge(params, before, images, labels, real_key)[0]

        return nets.penalise(loss, score, real), (stats, metrics)

    (loss, (stats, metrics)), gradients = jax.value_and_grad(loss_of, has_aux=True)(
        state.disc.params
    )
    disc = passes.update(nets.disc_optimizer, state.disc, gradients, batch_stats=stats)
    metrics |= {"d_loss": loss, "d_grad_norm": optax.global_norm(gradients)}
    return state.replace(disc=disc), metrics


def g_step(
    nets: Nets, state: TrainState, labels: Array | None, key: Array, *, batch_size: int
) -> tuple[TrainState, Metrics]:
    """Update the generator on one minibatch of latents.

    The discriminator normalises the generated batch by its own statistics; nothing of
    it moves. The generator's running statistics follow this batch.

    Args:
        nets: the static part.
        state: before the update.
        labels: (batch,) to generate for, or None.
        key: for the latents, and for dropout where D has it.
        batch_size: number of latents.

    Returns:
        The state with a new `gen`, and g_loss, g_grad_norm.
    """
    latents = nets.draw_latents(key, batch_size)
    dropout_key = jax.random.fold_in(key, _DROPOUT)
    disc = state.disc

    def loss_of(params: PyTree) -> tuple[Array, PyTree]:
        fake, stats = passes.generate(
            nets.generator, state.gen, params, latents, labels
        )
        seen = nets.augment(fake, dropout_key)
        logits, _ = passes.judge(
            nets.discriminator, disc.params, disc.batch_stats, seen, labels, dropout_key
        )
        return nets.generator_loss(logits), stats

    (loss, stats), gradients = jax.value_and_grad(loss_of, has_aux=True)(
        state.gen.params
    )
    gen = passes.update(nets.gen_optimizer, state.gen, gradients, batch_stats=stats)
    metrics = {"g_loss": loss, "g_grad_norm": optax.global_norm(gradients)}
    return state.replace(gen=gen), metrics


def train_step(
    nets: Nets, state: TrainState, batches: Batch, key: Array
) -> tuple[TrainState, Metrics]:
    """Run one step: an update of D on each of k minibatches, then one of G.

    Where updates are simultaneous, G's does not see the last one of D.

    Args:
        nets: the static part.
        state: before the step.
        batches: uint8 images (k, batch, height, width, channels), labels (k, batch) or
            None.
        key: of the run; the step's keys follow from it, the step and the rollbacks.

    Returns:
        The state after the step, and every metric; D's are those of its last update.
    """
    key = jax.random.fold_in(jax.random.fold_in(key, state.rollbacks), state.step)
    num_d_steps, batch_size = batches.images.shape[:2]
    metrics: Metrics = {}
    for index in range(num_d_steps):
        before = state
        minibatch = jax.tree.map(lambda array: array[index], batches)  # noqa: B023
        state, metrics = d_step(nets, state, minibatch, jax.random.fold_in(key, index))
    labels = None if batches.labels is None else jnp.asarray(batches.labels[-1])
    gen_key = jax.random.fold_in(key, num_d_steps)
    against = before if nets.simultaneous else state
    moved, gen_metrics = g_step(nets, against, labels, gen_key, batch_size=batch_size)
    optional = nets.averaging.follow(state.optional, moved.gen, state.step)
    state = state.replace(gen=moved.gen, step=state.step + 1, optional=optional)
    return state, metrics | gen_metrics


def _net_state(variables: PyTree, optimizer: optax.GradientTransformation) -> NetState:
    params = variables["params"]
    return NetState(
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer.init(params),
    )
