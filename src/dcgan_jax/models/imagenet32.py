"""The layers of the released ImageNet model, source of the 28,672-d features (§5.1).

3×3 kernels, and at every size of the map one more convolution at stride 1.
Source: imagenet/load_pretrained.py:46-67; widths read off the released arrays.
"""

from dcgan_jax.models.dcgan import Layer

KERNEL_SIZE = 3


def discriminator_layers(widths: tuple[int, ...]) -> tuple[Layer, ...]:
    """Mix at stride 1, then halve: 128, 128, 256, 256, 512, 512 at full width."""
    return tuple(Layer(width, stride) for width in widths for stride in (1, 2))


def generator_layers(widths: tuple[int, ...], channels: int) -> tuple[Layer, ...]:
    """Double, then mix at stride 1: 512, 256, 256, 128, 128, image at full width."""
    plan = []
    for width, following in zip(widths[::-1], (*widths[-2::-1], channels), strict=True):
        plan += [Layer(width, 2), Layer(following, 1)]
    return tuple(plan)
