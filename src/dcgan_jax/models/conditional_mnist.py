"""The conditional DCGAN of §8.1: both networks are told the label at every layer.

Beside the strided convolutions there is a dense hidden layer on either side; the output
is a sigmoid. MNIST's 28 pixels give the authors' layers, other sizes add or remove
blocks as in `dcgan`.

Source: mnist/train_cond_dcgan.py:75-131.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax.config import TrainConfig
from dcgan_jax.models import dcgan, layers
from dcgan_jax.models.convolution import Formulation
from dcgan_jax.models.dcgan import ConvSpec
from dcgan_jax.models.pair import (
    HIDDEN_UNITS,
    SHAPES,
    Pair,
    Widths,
    computation,
    scale,
)

Array = jax.Array
WIDTHS = Widths(64, 256)


class Generator(nn.Module):
    """Latents and labels → images in [0, 1].

    Attributes:
        num_classes: labels are 0 … num_classes − 1.
        hidden_units: the width of the dense layer before the first map.
        others: see `dcgan.Generator`.
    """

    pixel_range = "sigmoid"

    num_classes: int
    hidden_units: int
    base_size: int
    base_features: int
    convolutions: tuple[ConvSpec, ...]
    kernel_size: int
    dtype: jnp.dtype
    formulation: Formulation
    bn_affine: bool
    bn_momentum: float = layers.BN_MOMENTUM

    @nn.compact
    def __call__(
        self,
        latents: Array,
        labels: Array | None = None,
        *,
        train: bool,
        feature_masks: layers.FeatureMasks | None = None,
    ) -> Array:
        """Generate (batch, size, size, channels) float32.

        Args:
            latents: (batch, latent_size).
            labels: (batch,), required.
            train: whether to normalise by the batch.
            feature_masks: the maps to keep; see `layers.expose_maps`.
        """
        codes = layers.encode_labels(labels, self.num_classes)
        hidden = layers.DenseNorm(
            self.hidden_units, self.bn_momentum, self.bn_affine, name="hidden"
        )
        x = nn.relu(hidden(layers.join_labels(latents, codes), train=train))
        x = layers.Projection(
            self.base_size, self.base_features, self.dtype, self.bn_momentum,
            self.bn_affine, name="project",
        )(layers.join_labels(x, codes), train=train)  # fmt: skip
        for index, layer in enumerate(self.convolutions):
            name = f"conv{index}"
            x = layers.ConvTranspose(
                layer.features, self.kernel_size, layer.stride, self.dtype,
                self.formulation, name=name,
            )(layers.join_labels(x, codes))  # fmt: skip
            if index < len(self.convolutions) - 1:
                bn = layers.BatchNorm(
                    self.bn_momentum, self.bn_affine, name=f"bn{index}"
                )
                x = nn.relu(bn(x, train=train))
                x = layers.expose_maps(self, name, x, feature_masks)
        return nn.sigmoid(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images and labels → logits; attributes as in `Generator` and `dcgan`."""

    num_classes: int
    hidden_units: int
    convolutions: tuple[ConvSpec, ...]
    kernel_size: int
    dtype: jnp.dtype
    formulation: Formulation
    bn_affine: bool
    input_bias: bool = False
    activation: layers.Activation = layers.leaky_relu
    bn_momentum: float = layers.BN_MOMENTUM
    num_batches: int = 1

    @nn.compact
    def __call__(
        self, images: Array, labels: Array | None = None, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Score (batch, size, size, channels) in [0, 1] as images of their labels.

        Returns:
            (batch,) logits, and every hidden layer's output after the activation, in
            order.
        """
        codes = layers.encode_labels(labels, self.num_classes)
        x = images
        activations = {}
        for index, layer in enumerate(self.convolutions):
            name = f"conv{index}"
            x = layers.Conv(
                layer.features, self.kernel_size, layer.stride, self.dtype,
                self.formulation, use_bias=self.input_bias and index == 0, name=name,
            )(layers.join_labels(x, codes))  # fmt: skip
            if index > 0:
                bn = layers.BatchNorm(
                    self.bn_momentum, self.bn_affine, self.num_batches,
                    name=f"bn{index}",
                )  # fmt: skip
                x = bn(x, train=train)
            x = activations[name] = self.activation(x)
        x = layers.join_labels(x.reshape(x.shape[0], -1), codes)
        hidden = layers.DenseNorm(
            self.hidden_units, self.bn_momentum, self.bn_affine, self.num_batches,
            name="hidden",
        )  # fmt: skip
        x = activations["hidden"] = self.activation(hidden(x, train=train))
        return layers.Logit(name="logit")(layers.join_labels(x, codes)), activations


def make_pair(config: TrainConfig) -> Pair:
    """Build the networks; the number of classes is known."""
    widths = WIDTHS.of_blocks(config)
    base_size, _ = SHAPES[config.image_size]
    shared: dict[str, Any] = {
        "num_classes": config.num_classes,
        "hidden_units": scale(HIDDEN_UNITS, config),
        "kernel_size": dcgan.KERNEL_SIZE,
        "bn_affine": config.bn_affine,
        **computation(config),
    }
    return Pair(
        Generator(
            base_size=base_size,
            base_features=widths[-1],
            convolutions=dcgan.generator_layers(widths, config.channels),
            **shared,
        ),
        Discriminator(
            convolutions=dcgan.discriminator_layers(widths),
            input_bias=config.input_bias,
            **shared,
        ),
    )
