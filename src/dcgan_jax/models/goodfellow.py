"""The networks of Goodfellow et al. 2014: maxout and dropout against plain ReLU.

A generator of dense layers, one of which ends in a transposed convolution, is trained
against a discriminator of maxout units, the inputs of which are dropped out. There is
no batch norm; every layer has a bias that starts at 0. Labels are taken and ignored.

Source: goodfeli/adversarial, mnist.yaml, cifar10_*.yaml, tfd_pretrain/train.yaml.
"""

import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from dcgan_jax.config import TrainConfig
from dcgan_jax.models import maxout
from dcgan_jax.models.convolution import Formulation
from dcgan_jax.models.maxout import Block
from dcgan_jax.models.pair import Pair, computation, image_shape, scale
from dcgan_jax.models.pixels import PixelRange

Array = jax.Array
Activation = Literal["relu", "sigmoid", "linear"]

HIDDEN_LIMIT = 0.05  # irange of every generator's hidden layers
INPUT_DROPOUT = 0.2  # every yaml keeps 0.8 of D's inputs, times 1.25
HIDDEN_DROPOUT = 0.5  # and 0.5 of what its layers pass on, times 2
_CLIP = 1e-7  # pylearn2, init_sigmoid_bias_from_array


class Hidden(NamedTuple):
    """One dense layer of a generator."""

    units: int
    activation: Activation


class PairSpec(NamedTuple):
    """The layers of a pair, at full width.

    Attributes:
        hidden: the generator's dense layers, from the latents on.
        output: the activation that makes the pixels; images of a linear one have their
            contrast normalised, and a sigmoid's bias begins at the data's mean image.
        output_limit: the bound of that layer's first weights.
        blocks: the discriminator's convolutions; if it has any, the generator's last
            layer is a transposed one.
        maxout_units: the widths of the discriminator's dense layers.
    """

    hidden: tuple[Hidden, ...]
    output: Activation
    output_limit: float
    blocks: tuple[Block, ...]
    maxout_units: tuple[int, ...]


# cifar10_convolutional.yaml: 8000 sigmoid units become a map of 10×10×80, which a
# transposed convolution, 5×5 at stride 3 without padding, brings to 32×32.
DECONV_BASE, DECONV_KERNEL, DECONV_STRIDE = 10, 5, 3

PAIRS = {
    "goodfellow_mnist": PairSpec(  # mnist.yaml
        hidden=(Hidden(1200, "relu"), Hidden(1200, "relu")),
        output="sigmoid",
        output_limit=0.05,
        blocks=(),
        maxout_units=(240, 240),
    ),
    "goodfellow_cifar10": PairSpec(  # cifar10_fully_connected.yaml
        hidden=(Hidden(8000, "relu"), Hidden(8000, "sigmoid")),
        output="linear",
        output_limit=0.5,
        blocks=(),
        maxout_units=(1600, 1600),
    ),
    "goodfellow_cifar10_conv": PairSpec(  # cifar10_convolutional.yaml
        hidden=(Hidden(8000, "relu"), Hidden(8000, "sigmoid")),
        output="linear",
        output_limit=0.05,
        blocks=(
            Block(32, kernel_size=8, padding=4, pieces=2, pool=4, pool_stride=2),
            Block(32, kernel_size=8, padding=3, pieces=2, pool=4, pool_stride=2),
            Block(192, kernel_size=5, padding=3, pieces=2, pool=2, pool_stride=2),
        ),
        maxout_units=(500,),
    ),
    # tfd_pretrain/train.yaml without its pretraining: there the hidden layer goes on
    # into the layers of an earlier run's generator, here into the pixels.
    "goodfellow_faces": PairSpec(
        hidden=(Hidden(8000, "relu"),),
        output="sigmoid",
        output_limit=0.05,
        blocks=(),
        maxout_units=(1200, 1200),
    ),
}


class Generator(nn.Module):
    """Latents → images in `pixel_range`.

    Attributes:
        hidden: dense layers, from the latents on.
        output: the activation that makes the pixels.
        output_limit: the bound of that layer's first weights.
        image_shape: height, width, channels.
        deconvolves: whether the last layer is a transposed convolution of a 10×10 map.
        dtype: the precision that this convolution is computed in.
        formulation: how this convolution is computed.
    """

    hidden: tuple[Hidden, ...]
    output: Activation
    output_limit: float
    image_shape: tuple[int, int, int]
    deconvolves: bool
    dtype: jnp.dtype
    formulation: Formulation

    @property
    def pixel_range(self) -> PixelRange:
        """The range of the images."""
        return "contrast" if self.output == "linear" else "sigmoid"

    @nn.compact
    def __call__(
        self, latents: Array, labels: Array | None = None, *, train: bool
    ) -> Array:
        """Generate (batch, height, width, channels) float32."""
        del labels, train
        x = latents
        for index, (units, activation) in enumerate(self.hidden):
            dense = maxout.make_dense(units, HIDDEN_LIMIT, name=f"hidden{index}")
            x = _activate(dense(x), activation)
        if self.deconvolves:
            x = x.reshape(x.shape[0], DECONV_BASE, DECONV_BASE, -1)
            x = maxout.Deconv(
                self.image_shape[-1], DECONV_KERNEL, DECONV_STRIDE, self.output_limit,
                self.dtype, self.formulation, name="output",
            )(x)  # fmt: skip
        else:
            num_pixels = math.prod(self.image_shape)
            x = maxout.make_dense(num_pixels, self.output_limit, name="output")(x)
        return _activate(x, self.output).reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    """Images → logits.

    Attributes:
        blocks: maxout convolutions with max-pooling, from the image on.
        maxout_units: the widths of the dense layers after them.
        dtype: the precision that convolutions are computed in.
        formulation: how convolutions are computed.
        input_bias: whether the first layer has a bias; the others always do.
    """

    blocks: tuple[Block, ...]
    maxout_units: tuple[int, ...]
    dtype: jnp.dtype
    formulation: Formulation
    input_bias: bool = True

    @nn.compact
    def __call__(
        self, images: Array, labels: Array | None = None, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Score images (batch, height, width, channels).

        With `train`, inputs of layers are dropped out and the others are scaled up;
        `apply` then needs a key named `dropout`. Without `train` all inputs stay.

        Returns:
            (batch,) logits, and every hidden layer's output, in order.
        """
        del labels
        activations: dict[str, Array] = {}
        x = nn.Dropout(INPUT_DROPOUT)(images, deterministic=not train)
        for index, block in enumerate(self.blocks):
            name = f"conv{index}"
            x = maxout.MaxoutConv(
                block, self.dtype, self.formulation, self._has_bias(activations),
                name=name,
            )(x)  # fmt: skip
            activations[name] = x
            x = nn.Dropout(HIDDEN_DROPOUT)(x, deterministic=not train)
        x = x.reshape(x.shape[0], -1).astype(jnp.float32)
        for index, units in enumerate(self.maxout_units):
            name = f"maxout{index}"
            x = maxout.Maxout(units, self._has_bias(activations), name=name)(x)
            activations[name] = x
            x = nn.Dropout(HIDDEN_DROPOUT)(x, deterministic=not train)
        logit = maxout.make_dense(1, maxout.DISC_LIMIT, name="logit")
        return logit(x)[:, 0], activations

    def _has_bias(self, before: dict[str, Array]) -> bool:
        return self.input_bias or len(before) > 0


def make_pair(config: TrainConfig) -> Pair:
    """Build the networks of one of `PAIRS`."""
    spec = PAIRS[config.architecture]
    deconvolves = bool(spec.blocks)
    hidden = [layer._replace(units=scale(layer.units, config)) for layer in spec.hidden]
    if deconvolves:  # whole maps
        places = DECONV_BASE**2
        maps = scale(spec.hidden[-1].units // places, config)
        hidden[-1] = hidden[-1]._replace(units=maps * places)
    return Pair(
        Generator(
            hidden=tuple(hidden),
            output=spec.output,
            output_limit=spec.output_limit,
            image_shape=image_shape(config),
            deconvolves=deconvolves,
            **computation(config),
        ),
        Discriminator(
            blocks=tuple(
                block._replace(features=scale(block.features, config))
                for block in spec.blocks
            ),
            maxout_units=tuple(scale(units, config) for units in spec.maxout_units),
            input_bias=config.input_bias,
            **computation(config),
        ),
    )


def begin_at_means(params: dict[str, Any], mean_pixels: np.ndarray) -> dict[str, Any]:
    """Set a generator's output bias so that it begins with the data's mean image.

    Args:
        params: the parameters of a `Generator` whose output is a sigmoid.
        mean_pixels: (height, width, channels), 0 … 255.

    Returns:
        Parameters with bias b, sigmoid(b) = mean / 255, kept 1e-7 away from 0 and 1.

    Source: pylearn2, init_sigmoid_bias_from_marginals.
    """
    share = np.clip(mean_pixels.astype(np.float64).ravel() / 255.0, _CLIP, 1 - _CLIP)
    bias = jnp.asarray(np.log(share / (1.0 - share)), jnp.float32)
    return {**params, "output": {**params["output"], "bias": bias}}


def _activate(x: Array, activation: Activation) -> Array:
    if activation == "linear":
        return x
    return nn.relu(x) if activation == "relu" else nn.sigmoid(x)
