"""The permutation-invariant baseline of Table 3: dense layers that know the label.

The paper names it and shows its samples, no more. The layers are this project's choice;
they are as wide as the dense ones of the conditional DCGAN.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax.config import TrainConfig
from dcgan_jax.models import layers
from dcgan_jax.models.pair import HIDDEN_UNITS, Pair, image_shape, scale

Array = jax.Array


class Generator(nn.Module):
    """Latents and labels → images in [0, 1].

    Attributes:
        num_classes: labels are 0 … num_classes − 1.
        hidden_units: the width of each hidden layer, from the latents on.
        image_shape: height, width, channels.
        bn_affine: whether batch norm learns a gain and an offset.
        bn_momentum: share of the running statistics that a batch leaves in place.
    """

    pixel_range = "sigmoid"

    num_classes: int
    hidden_units: tuple[int, ...]
    image_shape: tuple[int, int, int]
    bn_affine: bool
    bn_momentum: float = layers.BN_MOMENTUM

    @nn.compact
    def __call__(
        self, latents: Array, labels: Array | None = None, *, train: bool
    ) -> Array:
        """Generate (batch, height, width, channels) float32; labels are required."""
        codes = layers.encode_labels(labels, self.num_classes)
        x = latents
        for index, units in enumerate(self.hidden_units):
            hidden = layers.DenseNorm(
                units, self.bn_momentum, self.bn_affine, name=f"hidden{index}"
            )
            x = nn.relu(hidden(layers.join_labels(x, codes), train=train))
        output = nn.Dense(
            math.prod(self.image_shape),
            use_bias=False,
            kernel_init=layers.init_weights,
            name="output",
        )
        pixels = nn.sigmoid(output(layers.join_labels(x, codes)))
        return pixels.reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    """Images and labels → logits; attributes as in `Generator`, without batch norm.

    Attributes:
        input_bias: whether the first layer has a bias.
        activation: what follows every hidden layer.
    """

    num_classes: int
    hidden_units: tuple[int, ...]
    input_bias: bool = False
    activation: layers.Activation = layers.leaky_relu

    @nn.compact
    def __call__(
        self, images: Array, labels: Array | None = None, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Score (batch, height, width, channels) in [0, 1] as images of their labels.

        Returns:
            (batch,) logits, and every hidden layer's output after the activation, in
            order.
        """
        del train
        codes = layers.encode_labels(labels, self.num_classes)
        x = images.reshape(images.shape[0], -1).astype(jnp.float32)
        activations = {}
        for index, units in enumerate(self.hidden_units):
            name = f"hidden{index}"
            dense = nn.Dense(
                units,
                use_bias=self.input_bias and index == 0,
                kernel_init=layers.init_weights,
                name=name,
            )
            x = self.activation(dense(layers.join_labels(x, codes)))
            activations[name] = x
        return layers.Logit(name="logit")(layers.join_labels(x, codes)), activations


def make_pair(config: TrainConfig) -> Pair:
    """Build the networks; the number of classes is known."""
    shared: dict[str, Any] = {
        "num_classes": config.num_classes,
        "hidden_units": (scale(HIDDEN_UNITS, config),) * 2,
    }
    return Pair(
        Generator(
            image_shape=image_shape(config), bn_affine=config.bn_affine, **shared
        ),
        Discriminator(input_bias=config.input_bias, **shared),
    )
