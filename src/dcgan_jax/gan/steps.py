"""The two pure functions that a GAN is.

Algorithm 1 of Goodfellow et al. 2014: k discriminator updates, each on a new minibatch
and new latents, then one generator update on new latents.
"""

import functools

import jax
import jax.numpy as jnp

from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import losses
from dcgan_jax.gan.nets import Nets
from dcgan_jax.gan.penalties import Judged
from dcgan_jax.gan.state import PyTree, TrainState
from dcgan_jax.models import gradient_norm, pixels

Array = jax.Array
Metrics = dict[str, Array]

METRICS = ("d_loss", "g_loss", "d_real", "d_fake", "d_grad_norm", "g_grad_norm")
# The latents come from an update's own key; dropout from what is folded in under
# numbers beyond all of theirs, so that networks without it draw as they did before.
DROPOUT = 1 << 30
_REAL_DROPOUT = DROPOUT + 1  # in the generator's update


def d_step(
    nets: Nets, state: TrainState, batch: Batch, key: Array
) -> tuple[TrainState, Metrics]:
    """Update the discriminator on one real and one generated minibatch.

    Real and generated images are each normalised by their own batch statistics,
    whether they pass separately or at once. D's running statistics follow the real
    batch, then the generated one; the generator normalises by its batch and nothing of
    it moves, not even its running statistics.

    Args:
        nets: the static part.
        state: before the update.
        batch: uint8 images (batch, height, width, channels), and labels or None.
        key: for the latents, for mirroring, and for dropout where D has it.

    Returns:
        The state with a new `disc`, and d_loss (with its penalty), d_real = E[D(x)],
        d_fake = E[D(G(z))], d_grad_norm (of d_loss alone, before the L2 term).
    """
    gen, disc = state.gen, state.disc
    real, labels = _scale(nets, batch, key)
    latents = nets.draw_latents(key, len(real))
    fake, _ = nets.generate(gen, gen.params, latents, labels)
    real_key, fake_key = jax.random.split(jax.random.fold_in(key, DROPOUT))
    real, fake = nets.augment(real, real_key), nets.augment(fake, fake_key)

    def loss_of(params: PyTree) -> tuple[Array, tuple[PyTree, Metrics]]:
        real_logits, fake_logits, stats = nets.judge_both(
            params, disc.batch_stats, (real, fake), labels, (real_key, fake_key)
        )
        metrics = {
            "d_real": losses.mean_probability(real_logits),
            "d_fake": losses.mean_probability(fake_logits),
        }
        loss = nets.discriminator_loss(real_logits, fake_logits)

        def judge(own_key: Array, images: Array) -> Array:
            return nets.judge(params, disc.batch_stats, images, labels, own_key)[0]

        judged_real = Judged(real, functools.partial(judge, real_key))
        judged_fake = Judged(fake, functools.partial(judge, fake_key))
        loss = nets.penalise(loss, judged_real, judged_fake, state.step)
        return loss, (stats, metrics)

    gradient = jax.value_and_grad(loss_of, has_aux=True)
    (loss, (stats, metrics)), gradients = gradient(disc.params)
    moved = disc.update(nets.disc_optimizer, gradients, batch_stats=stats)
    metrics |= {"d_loss": loss, "d_grad_norm": gradient_norm.measure(gradients)}
    return state.replace(disc=moved), metrics


def g_step(
    nets: Nets, state: TrainState, batch: Batch, key: Array
) -> tuple[TrainState, Metrics]:
    """Update the generator on one minibatch of latents.

    The discriminator normalises the generated batch by its own statistics; nothing of
    it moves. The generator's running statistics follow this batch.

    Args:
        nets: the static part.
        state: before the update.
        batch: a real minibatch as in `d_step`. As many images are generated, for its
            labels; the loss is given D's logits of its own images too. Where a loss
            does not read them, they are not computed.
        key: for the latents, for mirroring, and for dropout where D has it.

    Returns:
        The state with a new `gen`, and g_loss, g_grad_norm.
    """
    gen, disc = state.gen, state.disc
    real, labels = _scale(nets, batch, key)
    latents = nets.draw_latents(key, len(real))
    real_key = jax.random.fold_in(key, _REAL_DROPOUT)
    fake_key = jax.random.fold_in(key, DROPOUT)

    def judge(images: Array, own_key: Array) -> Array:
        seen = nets.augment(images, own_key)
        return nets.judge(disc.params, disc.batch_stats, seen, labels, own_key)[0]

    # Where the loss does not read these logits, XLA leaves their computation out.
    real_logits = judge(real, real_key)

    def loss_of(params: PyTree) -> tuple[Array, PyTree]:
        fake, stats = nets.generate(gen, params, latents, labels)
        return nets.generator_loss(real_logits, judge(fake, fake_key)), stats

    gradient = jax.value_and_grad(loss_of, has_aux=True)
    (loss, stats), gradients = gradient(gen.params)
    moved = gen.update(nets.gen_optimizer, gradients, batch_stats=stats)
    metrics = {"g_loss": loss, "g_grad_norm": gradient_norm.measure(gradients)}
    return state.replace(gen=moved), metrics


def train_step(
    nets: Nets, state: TrainState, batches: Batch, key: Array
) -> tuple[TrainState, Metrics]:
    """Run one step: an update of D on each of k minibatches, then one of G.

    G's update is given the last of them. Where updates are simultaneous, it does not
    see the last one of D.

    Args:
        nets: the static part.
        state: before the step.
        batches: uint8 images (k, batch, height, width, channels), labels (k, batch) or
            None.
        key: of the run; the step's keys follow from it, the step and the rollbacks.

    Returns:
        The state after the step, and every metric; D's are those of its last update.
    """
    key = fold_step(key, state)
    num_d_steps = len(batches.images)
    before, metrics = state, Metrics()
    for index in range(num_d_steps):
        before, batch = state, _take(batches, index)
        state, metrics = d_step(nets, state, batch, jax.random.fold_in(key, index))
    gen_key = jax.random.fold_in(key, num_d_steps)
    against = before if nets.simultaneous else state
    moved, gen_metrics = g_step(nets, against, batch, gen_key)
    optional = nets.averaging.follow(state.optional, moved.gen, state.step)
    state = state.replace(gen=moved.gen, step=state.step + 1, optional=optional)
    return state, metrics | gen_metrics


def fold_step(key: Array, state: TrainState) -> Array:
    """Return a step's key. Update i of the step, D's before G's, folds in i.

    Args:
        key: the run's key.
        state: before the step.
    """
    return jax.random.fold_in(jax.random.fold_in(key, state.rollbacks), state.step)


def _scale(nets: Nets, batch: Batch, key: Array) -> tuple[Array, Array | None]:
    """Return an update's real images in the generator's range, and their labels."""
    images = pixels.scale_images(jnp.asarray(batch.images), nets.generator.pixel_range)
    images = nets.mirror(images, key)
    return images, None if batch.labels is None else jnp.asarray(batch.labels)


def _take(batches: Batch, index: int) -> Batch:
    """Return one minibatch of several."""
    return jax.tree.map(lambda array: array[index], batches)
