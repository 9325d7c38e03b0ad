"""The pairs of networks that are measured, and the shapes of their layers."""

import dataclasses
from itertools import pairwise
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from dcgan_jax import models, presets
from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import nets as gan_nets, optimizers
from dcgan_jax.gan.nets import Nets
from dcgan_jax.models import convolution, dcgan, layers
from dcgan_jax.models.dcgan import ConvSpec

Array = jax.Array
Precision = Literal["float32", "bfloat16"]
Convolution = Literal["auto", "lax", "phase"]

NETS = ("small32", "conditional_mnist", "pytorch_example", "imagenet32", "dcgan64")

_CONFIGS = {
    "small32": dataclasses.replace(
        presets.FOLDER, architecture="small", image_size=32, input_bias=False
    ),
    "conditional_mnist": dataclasses.replace(presets.MNIST_CONDITIONAL, num_classes=10),
    "pytorch_example": dataclasses.replace(
        presets.LSUN_BEDROOM, latent_distribution="normal"
    ),
    "imagenet32": presets.IMAGENET32,
    "dcgan64": presets.LSUN_BEDROOM,
}
# pytorch/examples dcgan/main.py: ngf = ndf = 64, four convolutions of 4×4 at stride 2.
_EXAMPLE_WIDTHS = (64, 128, 256, 512)
_EXAMPLE_KERNEL = 4


def make_config(
    net: str,
    *,
    batch_size: int,
    precision: Precision = "float32",
    formulation: Convolution = "auto",
) -> TrainConfig:
    """Return the config that a net is trained with."""
    return dataclasses.replace(
        _CONFIGS[net],
        batch_size=batch_size,
        precision=precision,
        convolution=formulation,
    )


def make_nets(net: str, config: TrainConfig) -> Nets:
    """Build a net as training does, or the PyTorch example's from the same layers."""
    if net != "pytorch_example":
        return gan_nets.make_nets(config, num_steps=1000)
    dtype = jnp.dtype(config.precision)
    formulation = convolution.choose_formulation(config.convolution)
    adam = optimizers.make_adam(
        dataclasses.replace(config.adam, l2=0.0), num_updates=1000
    )
    return gan_nets.make_nets(config, num_steps=1000)._replace(
        generator=ExampleGenerator(
            base_size=4,
            base_features=_EXAMPLE_WIDTHS[-1],
            convolutions=dcgan.generator_layers(_EXAMPLE_WIDTHS, config.channels),
            kernel_size=_EXAMPLE_KERNEL,
            dtype=dtype,
            formulation=formulation,
        ),
        discriminator=dcgan.Discriminator(
            convolutions=dcgan.discriminator_layers(_EXAMPLE_WIDTHS),
            kernel_size=_EXAMPLE_KERNEL,
            dtype=dtype,
            formulation=formulation,
        ),
        gen_optimizer=adam,
        disc_optimizer=adam,
        draw_latents=models.make_latents(config),
    )


class ExampleGenerator(nn.Module):
    """The generator of PyTorch's example; attributes as in `dcgan.Generator`.

    Its first layer, a 4×4 transposed convolution of a 1×1 map, is a dense one; batch
    norm follows per feature map, where `dcgan.Generator` normalises per unit.
    """

    pixel_range = "tanh"

    base_size: int
    base_features: int
    convolutions: tuple[ConvSpec, ...]
    kernel_size: int
    dtype: jnp.dtype
    formulation: convolution.Formulation

    @nn.compact
    def __call__(
        self, latents: Array, labels: Array | None = None, *, train: bool
    ) -> Array:
        """Generate (batch, 64, 64, channels) float32 from (batch, latent_size)."""
        del labels
        dense = nn.Dense(
            self.base_size**2 * self.base_features,
            use_bias=False,
            kernel_init=layers.init_weights,
            name="dense",
        )
        shape = (-1, self.base_size, self.base_size, self.base_features)
        x = dense(latents).reshape(shape).astype(self.dtype)
        for index, layer in enumerate(self.convolutions):
            x = nn.relu(layers.BatchNorm(name=f"bn{index}")(x, train=train))
            x = layers.ConvTranspose(
                layer.features, self.kernel_size, layer.stride, self.dtype,
                self.formulation, name=f"conv{index}",
            )(x)  # fmt: skip
        return jnp.tanh(x.astype(jnp.float32))


class ConvShape(NamedTuple):
    """One convolution, strided or transposed, by the strided one that it belongs to.

    Attributes:
        name: the name, such as disc/conv0 or gen/conv0.
        side: the kernel's side, in pixels.
        stride: the stride in pixels.
        large: the side of the larger map, a discriminator's input or a generator's
            output.
        small: the side of the other map.
        inputs: the feature maps of the larger one.
        outputs: the feature maps of the smaller one.
    """

    name: str
    side: int
    stride: int
    large: int
    small: int
    inputs: int
    outputs: int


class PairShape(NamedTuple):
    """The sizes of all layers of a pair of networks.

    Maps and units that a layer takes count the labels that are joined to them.

    Attributes:
        convolutions: the convolutions of both networks.
        gen_dense: (inputs, outputs) of the generator's dense layers.
        disc_dense: those of the discriminator, the last one to the logit.
        base: (features, size) of the generator's smallest map.
        image: (size, channels).
        num_classes: the labels joined at every layer; 0: none.
        bn_affine: whether batch norm has a scale and an offset.
    """

    convolutions: tuple[ConvShape, ...]
    gen_dense: tuple[tuple[int, int], ...]
    disc_dense: tuple[tuple[int, int], ...]
    base: tuple[int, int]
    image: tuple[int, int]
    num_classes: int
    bn_affine: bool

    @property
    def latent_size(self) -> int:
        """The length of a latent vector."""
        return self.gen_dense[0][0] - self.num_classes


def make_shape(net: str, config: TrainConfig) -> PairShape:
    """Read the shapes of all layers off the networks."""
    nets = make_nets(net, config)
    # Both are dcgan's or conditional_mnist's modules or have their attributes.
    disc: dcgan.Discriminator = nets.discriminator  # type: ignore[assignment]
    gen: dcgan.Generator = nets.generator  # type: ignore[assignment]
    classes = config.num_classes or 0
    found = []
    size, maps = config.image_size, config.channels
    for index, (features, stride) in enumerate(disc.convolutions):
        small = size // stride
        found.append(
            ConvShape(f"disc/conv{index}", disc.kernel_size, stride, size, small,
                      maps + classes, features)
        )  # fmt: skip
        size, maps = small, features
    disc_units = [size * size * maps, *_hidden(disc), 1]
    size, maps = gen.base_size, gen.base_features
    gen_units = [config.latent_size, *_hidden(gen), size * size * maps]
    for index, (features, stride) in enumerate(gen.convolutions):
        large = size * stride
        found.append(
            ConvShape(f"gen/conv{index}", gen.kernel_size, stride, large, size,
                      features, maps + classes)
        )  # fmt: skip
        size, maps = large, features
    gen_dense, disc_dense = (
        tuple((inputs + classes, outputs) for inputs, outputs in pairwise(units))
        for units in (gen_units, disc_units)
    )
    return PairShape(
        convolutions=tuple(found),
        gen_dense=gen_dense,
        disc_dense=disc_dense,
        base=(gen.base_features, gen.base_size),
        image=(config.image_size, config.channels),
        num_classes=classes,
        bn_affine=config.bn_affine,
    )


def _hidden(network: nn.Module) -> list[int]:
    """Return the width of a conditional network's dense layer between others."""
    return [network.hidden_units] if hasattr(network, "hidden_units") else []
