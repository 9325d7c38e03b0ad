"""What is static about a run: its two networks, and all that moves or judges them."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import augment, averaging, losses, optimizers, packing, penalties
from dcgan_jax.gan.augment import Augment
from dcgan_jax.gan.averaging import Averaging
from dcgan_jax.gan.packing import Pack
from dcgan_jax.gan.penalties import Penalise
from dcgan_jax.gan.state import NetState, PyTree, TrainState

Array = jax.Array
Loss = Callable[[Array, Array], Array]


class Nets(NamedTuple):
    """The networks, their optimisers, losses and latents.

    Attributes:
        generator: latents and labels → images.
        discriminator: images and labels → (logits, activations).
        gen_optimizer: the optimiser of the generator.
        disc_optimizer: the optimiser of the discriminator.
        generator_loss: (batch,) logits of real and of generated images → scalar.
        draw_latents: (key, batch) → (batch, latent_size).
        simultaneous: whether G's update is taken against D as it was before its own.
        discriminator_loss: (batch,) logits of real and of generated images → scalar.
        penalise: D's loss, real and generated images with D's scores, steps done → the
            loss with its penalty.
        mirror: real images in the generator's range and an update's key → such images.
        augment: images in the generator's range as D is to see them, and a key → such
            images.
        pack: images → what the discriminator judges at once.
        averaging: how an average of the generator's weights is kept.
        at_once: whether D's update passes real and generated images through it at once,
            each minibatch still normalised by its own statistics.
    """

    generator: nn.Module
    discriminator: nn.Module
    gen_optimizer: optax.GradientTransformation
    disc_optimizer: optax.GradientTransformation
    generator_loss: Loss
    draw_latents: Callable[[Array, int], Array]
    simultaneous: bool = False
    discriminator_loss: Loss = losses.discriminator
    penalise: Penalise = penalties.leave_loss
    mirror: Augment = augment.leave_images
    augment: Augment = augment.leave_images
    pack: Pack = packing.leave_single
    averaging: Averaging = averaging.OFF
    at_once: bool = False

    def generate(
        self, gen: NetState, params: PyTree, latents: Array, labels: Array | None
    ) -> tuple[Array, PyTree]:
        """Return images normalised by their batch, and the moved running statistics.

        Args:
            gen: the generator, whose running statistics move.
            params: its parameters, in place of those of `gen`.
            latents: (batch, latent_size).
            labels: (batch,) or None.
        """
        images, moved = self.generator.apply(
            {"params": params, "batch_stats": gen.batch_stats},
            latents,
            labels,
            train=True,
            mutable=["batch_stats"],
        )
        return images, moved.get("batch_stats", {})

    def judge(
        self,
        params: PyTree,
        batch_stats: PyTree,
        images: Array,
        labels: Array | None,
        dropout_key: Array,
    ) -> tuple[Array, PyTree]:
        """Return logits under the images' own statistics, and the moved running ones.

        There is a logit for each pack of images; else as many as images.

        Args:
            params: the discriminator's parameters.
            batch_stats: its running statistics before.
            images: (batch, height, width, channels) in the generator's range.
            labels: (batch,) or None.
            dropout_key: for discriminators that drop units.
        """
        (logits, _), moved = self.discriminator.apply(
            {"params": params, "batch_stats": batch_stats},
            self.pack(images),
            labels,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": dropout_key},
        )
        return logits, moved.get("batch_stats", {})

    def judge_both(
        self,
        params: PyTree,
        batch_stats: PyTree,
        minibatches: tuple[Array, Array],
        labels: Array | None,
        dropout_keys: tuple[Array, Array],
    ) -> tuple[Array, Array, PyTree]:
        """Return `judge`'s logits of two minibatches, and the running statistics.

        These follow the first minibatch, then the second.

        Args:
            params: the discriminator's parameters.
            batch_stats: its running statistics before.
            minibatches: the real and the generated images.
            labels: (batch,) of either, or None.
            dropout_keys: one for each minibatch.
        """
        if not self.at_once:
            logits = []
            for images, key in zip(minibatches, dropout_keys, strict=True):
                own, batch_stats = self.judge(params, batch_stats, images, labels, key)
                logits.append(own)
            return logits[0], logits[1], batch_stats
        both = jnp.concatenate(minibatches)
        labels = None if labels is None else jnp.concatenate([labels, labels])
        wide = self._replace(discriminator=self.discriminator.clone(num_batches=2))
        logits_of_both, moved = wide.judge(
            params, batch_stats, both, labels, dropout_keys[0]
        )
        real, fake = jnp.split(logits_of_both, 2)
        return real, fake, moved


def make_nets(
    config: TrainConfig, *, num_steps: int, num_rows: int | None = None
) -> Nets:
    """Build the static part of a run.

    Args:
        config: the settings of the run.
        num_steps: the length of the run, in steps.
        num_rows: the number of images that it trains on; only sgd needs it.
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
        penalise=penalties.make_penalty(
            r1_gamma=config.r1_gamma,
            r2_gamma=config.r2_gamma,
            every=config.penalty_every,
        ),
        mirror=augment.make_mirror(config.mirror),
        augment=augment.make_augment(config.diffaugment),
        pack=packing.make_pack(config.packing),
        averaging=averaging.make_averaging(config.ema_decay),
        at_once=models.can_judge_at_once(pair.discriminator),
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
    several = jax.ShapeDtypeStruct((packing.MULTIPLE, *image_shape), jnp.float32)
    images = jnp.zeros((2, *jax.eval_shape(nets.pack, several).shape[1:]))
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


def shape_state(nets: Nets, *, image_shape: tuple[int, ...]) -> TrainState:
    """Return what `init_state` would draw, as mere shapes."""
    draw = functools.partial(init_state, nets, image_shape=image_shape)
    shapes: TrainState = jax.eval_shape(draw, jax.random.key(0))
    return shapes


def _net_state(variables: PyTree, optimizer: optax.GradientTransformation) -> NetState:
    params = variables["params"]
    return NetState(
        params=params,
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer.init(params),
    )
