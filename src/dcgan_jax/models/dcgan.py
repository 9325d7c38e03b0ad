"""The pair of networks that all DCGANs share, and the layers of the paper's (Fig. 1).

A network is a sequence of layers, each a number of feature maps and a stride; dcgan64,
svhn32 and the small net differ by their widths alone.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax.config import TrainConfig
from dcgan_jax.models import layers
from dcgan_jax.models.convolution import Formulation
from dcgan_jax.models.pair import SHAPES, Pair, Widths, computation

Array = jax.Array
KERNEL_SIZE = 5
WIDTHS = {
    "small": Widths(64, 256),
    "dcgan64": Widths(128, 1024),
    "svhn32": Widths(64, 256),
}


class ConvSpec(NamedTuple):
    """One convolution: how many maps it makes, and by how much it scales them."""

    features: int
    stride: int


def discriminator_layers(widths: tuple[int, ...]) -> tuple[ConvSpec, ...]:
    """List layers that halve the map; `widths` run from the image's side inwards."""
    return tuple(ConvSpec(width, 2) for width in widths)


def generator_layers(widths: tuple[int, ...], channels: int) -> tuple[ConvSpec, ...]:
    """List layers that double the map, at full width 512, 256, 128 and the image."""
    return tuple(ConvSpec(width, 2) for width in (*widths[-2::-1], channels))


class Generator(nn.Module):
    """Latents → images in [-1, 1].

    Attributes:
        base_size: side of the smallest map.
        base_features: maps of that size, made from the latents by a dense layer.
        convolutions: the transposed ones; the last one makes the image.
        kernel_size: the side of all their kernels, in pixels.
        dtype: the precision that convolutions are computed in.
        formulation: how convolutions are computed.
        bn_affine: whether batch norm learns a gain and an offset.
        bn_momentum: share of the running statistics that a batch leaves in place.
        bn_hidden: whether the layers before the output have batch norm.
        bn_output: whether the output has batch norm, before the tanh.
        num_classes: labels are 0 … num_classes − 1, and every layer is told them, as in
            §8.1; None: there are none.

    Source: faces/train_uncond_dcgan.py:108-131.
    """

    pixel_range = "tanh"

    base_size: int
    base_features: int
    convolutions: tuple[ConvSpec, ...]
    kernel_size: int
    dtype: jnp.dtype
    formulation: Formulation
    bn_affine: bool = True
    bn_momentum: float = layers.BN_MOMENTUM
    bn_hidden: bool = True
    bn_output: bool = False  # §3: none at the generator's output
    num_classes: int | None = None

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
            labels: (batch,), of which those with `num_classes` None take no notice.
            train: whether to normalise by the batch.
            feature_masks: the maps to keep; see `layers.expose_maps`.
        """
        join = layers.make_join(labels, self.num_classes)
        x = layers.Projection(
            self.base_size, self.base_features, self.dtype, self.bn_momentum,
            self.bn_affine, self.bn_hidden, name="project",
        )(join(latents), train=train)  # fmt: skip
        for index, layer in enumerate(self.convolutions):
            name = f"conv{index}"
            x = layers.ConvTranspose(
                layer.features, self.kernel_size, layer.stride, self.dtype,
                self.formulation, name=name,
            )(join(x))  # fmt: skip
            is_output = index == len(self.convolutions) - 1
            if self.bn_output if is_output else self.bn_hidden:
                bn = layers.BatchNorm(
                    self.bn_momentum, self.bn_affine, name=f"bn{index}"
                )
                x = bn(x, train=train)
            if not is_output:
                x = layers.expose_maps(self, name, nn.relu(x), feature_masks)
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images → logits; attributes as in `Generator`.

    Attributes:
        input_bias: whether the first convolution has a bias. Without one (the paper's
            networks) the output does not change when a whole batch is scaled, since
            LeakyReLU passes the factor on and batch norm removes it: the contrast of
            generated images is then free to drift.
        activation: what follows every convolution; guided backpropagation gives its
            own.
        bn_input: whether the first convolution has batch norm too, which takes a bias
            out again.
        bn_hidden: whether the other convolutions have batch norm. Without it they have
            biases, and every kernel of a convolution is drawn after He et al. 2015.
        spectral_norm: whether every kernel is divided by its largest singular value.
            Each hidden convolution then has a bias and no batch norm, which would take
            any factor of the kernel out again.
        global_average: whether each of the last maps is averaged before it is weighed,
            so that all places of a map have one weight.
        num_batches: the number of minibatches that it is given at once, one behind
            another; each is normalised by its own statistics.

    Source: faces/train_uncond_dcgan.py:108-131.
    """

    convolutions: tuple[ConvSpec, ...]
    kernel_size: int
    dtype: jnp.dtype
    formulation: Formulation
    input_bias: bool = False
    activation: layers.Activation = layers.leaky_relu
    bn_affine: bool = True
    bn_momentum: float = layers.BN_MOMENTUM
    bn_input: bool = False  # §3: none at the discriminator's input
    bn_hidden: bool = True
    spectral_norm: bool = False  # Miyato et al. 2018, not the paper's
    global_average: bool = False  # §3: "flattened and then fed into a single sigmoid"
    num_classes: int | None = None
    num_batches: int = 1

    @nn.compact
    def __call__(
        self, images: Array, labels: Array | None = None, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Score images (batch, size, size, channels) in [-1, 1], of labels (batch,).

        Returns:
            (batch,) logits, and every convolution's output after the activation, in
            order.
        """
        join = layers.make_join(labels, self.num_classes)
        x = images
        activations = {}
        kernel_init = (
            layers.init_weights if self.bn_hidden else layers.init_unnormalised
        )
        for index, layer in enumerate(self.convolutions):
            name = f"conv{index}"
            has_batch_norm = self.has_batch_norm(index)
            x = layers.Conv(
                layer.features, self.kernel_size, layer.stride, self.dtype,
                self.formulation,
                use_bias=self.input_bias if index == 0 else not has_batch_norm,
                spectral_norm=self.spectral_norm, kernel_init=kernel_init, name=name,
            )(join(x))  # fmt: skip
            if has_batch_norm:
                bn = layers.BatchNorm(
                    self.bn_momentum, self.bn_affine, self.num_batches,
                    name=f"bn{index}",
                )  # fmt: skip
                x = bn(x, train=train)
            x = activations[name] = self.activation(x)
        if self.global_average:
            x = x.astype(jnp.float32).mean((1, 2))
        elif self.num_classes is not None:
            x = x.reshape(x.shape[0], -1)  # a label is told once, not in every place
        return layers.Logit(self.spectral_norm, name="logit")(join(x)), activations

    def has_batch_norm(self, index: int) -> bool:
        """Tell whether batch norm follows a convolution, counted from 0."""
        wanted = self.bn_input if index == 0 else self.bn_hidden
        return wanted and not self.spectral_norm


def make_pair(config: TrainConfig) -> Pair:
    """Build the networks of one of `WIDTHS`."""
    widths = WIDTHS[config.architecture].of_blocks(config)
    return build_pair(
        config,
        base_features=widths[-1],
        generator=generator_layers(widths, config.channels),
        discriminator=discriminator_layers(widths),
        kernel_size=KERNEL_SIZE,
    )


def build_pair(
    config: TrainConfig,
    *,
    base_features: int,
    generator: tuple[ConvSpec, ...],
    discriminator: tuple[ConvSpec, ...],
    kernel_size: int,
) -> Pair:
    """Build a pair of DCGANs with these convolutions and a config's choices."""
    base_size, _ = SHAPES[config.image_size]
    shared: dict[str, Any] = {
        "kernel_size": kernel_size,
        "bn_affine": config.bn_affine,
        "num_classes": config.num_classes if config.conditional else None,
        **computation(config),
    }
    return Pair(
        Generator(
            base_size=base_size,
            base_features=base_features,
            convolutions=generator,
            bn_hidden=config.batch_norm != "not_in_generator",
            bn_output=config.batch_norm == "all",
            **shared,
        ),
        Discriminator(
            convolutions=discriminator,
            input_bias=config.input_bias,
            bn_input=config.batch_norm == "all",
            bn_hidden=config.batch_norm != "not_in_discriminator",
            spectral_norm=config.spectral_norm,
            global_average=config.disc_pooling == "global_average",
            **shared,
        ),
    )
