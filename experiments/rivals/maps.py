"""The convolution of the rivals' networks, which is fast within a compiled loop too."""

import jax
from flax import linen as nn

from dcgan_jax.models import convolution
from dcgan_jax.models.convolution_forms import Geometry

Array = jax.Array


class Convolution(nn.Module):
    """Convolve at stride 1 to maps of the same size, with a bias.

    Attributes:
        features: the number of maps.
        kernel_size: the kernel's side in pixels, odd.
    """

    features: int
    kernel_size: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map (n, side, side, maps) to (n, side, side, features).

        Differs from flax's nn.Conv: XLA's code for a CPU takes several times as long
        for the gradients of that within a loop.
        """
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        formulation = convolution.choose_formulation("auto")
        padding = (self.kernel_size - 1) // 2
        geometry = Geometry(1, padding, x.shape[1], formulation)
        return convolution.correlate(x, kernel, geometry) + bias.reshape(1, 1, 1, -1)
