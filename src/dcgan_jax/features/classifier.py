"""The discriminator's network as a classifier, which learns from labels alone."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from dcgan_jax.config import AdamConfig
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import optimizers
from dcgan_jax.gan.state import NetState, PyTree
from dcgan_jax.models import layers, pixels
from dcgan_jax.models.dcgan import Discriminator
from dcgan_jax.system import backend

Array = jax.Array


class Classifier(nn.Module):
    """Images → logits of classes: a discriminator's layers, then a dense one.

    The discriminator's own logit is not read.

    Attributes:
        discriminator: the network whose last activation is classified.
        num_classes: the number of logits.
        dropout: the share of that activation that training drops.
    """

    discriminator: Discriminator
    num_classes: int
    dropout: float

    @nn.compact
    def __call__(self, images: Array, *, train: bool) -> Array:
        """Score (batch, size, size, channels) in [-1, 1] → (batch, num_classes)."""
        _, activations = self.discriminator(images, train=train)
        last = list(activations.values())[-1]
        flat = last.reshape(last.shape[0], -1).astype(jnp.float32)
        flat = nn.Dropout(self.dropout, deterministic=not train)(flat)
        dense = nn.Dense(
            self.num_classes, kernel_init=layers.init_weights, name="classes"
        )
        return dense(flat)


class Plan(NamedTuple):
    """The settings of training that a program is compiled for.

    Attributes:
        net: the classifier.
        b2: Adam's decay of the squared gradients.
        epsilon: Adam's addition to the root.
        decay_fraction: the share of the updates, at the end, whose rate falls linearly.
        num_updates: the number of updates in all.
    """

    net: Classifier
    b2: float
    epsilon: float
    decay_fraction: float
    num_updates: int


class Rates(NamedTuple):
    """Adam's other settings, float32 scalars, which need no program of their own."""

    learning_rate: Array
    b1: Array
    l2: Array


def draw_variables(
    net: Classifier, key: Array, *, image_shape: tuple[int, ...]
) -> PyTree:
    """Draw the initial weights for images (height, width, channels)."""
    return net.init(key, jnp.zeros((2, *image_shape)), train=False)


def make_state(plan: Plan, rates: Rates, variables: PyTree) -> NetState:
    """Return the state before the first update."""
    return NetState(
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=_make_adam(plan, rates).init(variables["params"]),
    )


def fit_step(
    plan: Plan, rates: Rates, state: NetState, batch: Batch, key: Array
) -> tuple[NetState, Array]:
    """Update the classifier on one minibatch.

    The minibatch is normalised by its own statistics, which the running ones follow.

    Args:
        plan: the static settings.
        rates: Adam's settings.
        state: the state before the update.
        batch: uint8 images (batch, height, width, channels) and labels (batch,).
        key: the random key of the dropout.

    Returns:
        The state after the update, and the mean cross-entropy before it, nats.
    """
    images = pixels.scale_images(jnp.asarray(batch.images), "tanh")

    def loss_of(params: PyTree) -> tuple[Array, PyTree]:
        logits, moved = plan.net.apply(
            {"params": params, "batch_stats": state.batch_stats},
            images,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": key},
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels)
        return losses.mean(), moved["batch_stats"]

    (loss, stats), gradients = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    adam = _make_adam(plan, rates)
    return state.update(adam, gradients, batch_stats=stats), loss


def train_epoch(
    plan: Plan, rates: Rates, state: NetState, data: Batch, rows: Array, key: Array
) -> tuple[NetState, Array]:
    """Run one update for each minibatch of an epoch.

    Args:
        plan: the static settings.
        rates: Adam's settings.
        state: the state before the epoch.
        data: all training images and labels.
        rows: int32 (updates, batch), the rows of each minibatch.
        key: the epoch's random key.

    Returns:
        The state after the epoch, and the mean loss of its updates.
    """

    def body(index: Array, carry: tuple[NetState, Array]) -> tuple[NetState, Array]:
        state, total = carry
        own = jax.tree.map(lambda array: array[rows[index]], data)
        key_of_step = jax.random.fold_in(key, index)
        state, loss = fit_step(plan, rates, state, own, key_of_step)
        return state, total + loss

    state, total = jax.lax.fori_loop(0, len(rows), body, (state, jnp.zeros(())))
    return state, total / len(rows)


def count_wrong(net: Classifier, state: NetState, blocks: Batch) -> Array:
    """Count the images that get a wrong label.

    Args:
        net: the classifier, normalising by its running statistics.
        state: its variables.
        blocks: uint8 images (blocks, block, height, width, channels) and labels
            (blocks, block); images of label −1 do not count.
    """
    variables = {"params": state.params, "batch_stats": state.batch_stats}

    def count(block: Batch) -> Array:
        images = pixels.scale_images(jnp.asarray(block.images), "tanh")
        logits: Any = net.apply(variables, images, train=False)
        labels = jnp.asarray(block.labels)
        return ((logits.argmax(-1) != labels) & (labels >= 0)).sum()

    return jax.lax.map(count, blocks).sum()


class Programs(NamedTuple):
    """The compiled functions of the same names; `train_epoch` donates the state."""

    draw_variables: Callable[..., PyTree]
    train_epoch: Callable[..., tuple[NetState, Array]]
    count_wrong: Callable[..., Array]


@functools.cache
def compile_programs() -> Programs:
    """Return the compiled functions, whose first argument is static."""
    # They are compiled at the first use, since an import must not start a backend.
    return Programs(
        draw_variables=jax.jit(
            draw_variables, static_argnums=0, static_argnames="image_shape"
        ),
        train_epoch=backend.jit(train_epoch, static_argnums=(0,), donate_argnums=(2,)),
        count_wrong=backend.jit(count_wrong, static_argnums=(0,)),
    )


def _make_adam(plan: Plan, rates: Rates) -> optax.GradientTransformation:
    config = AdamConfig(
        **rates._asdict(),
        b2=plan.b2,
        epsilon=plan.epsilon,
        decay_fraction=plan.decay_fraction,
    )
    return optimizers.make_adam(config, num_updates=plan.num_updates)
