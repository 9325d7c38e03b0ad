"""The layers of the released ImageNet model, source of the 28,672-d features (§5.1).

Kernels are 3×3, and every size of the map has one more convolution at stride 1.
Source: imagenet/load_pretrained.py:46-67; the released arrays tell the widths.
"""

from dcgan_jax.config import TrainConfig
from dcgan_jax.models import dcgan
from dcgan_jax.models.dcgan import ConvSpec
from dcgan_jax.models.pair import Pair, Widths

KERNEL_SIZE = 3
WIDTHS = Widths(128, 512)


def discriminator_layers(widths: tuple[int, ...]) -> tuple[ConvSpec, ...]:
    """List layers that mix, then halve: 128, 128, 256, 256, 512, 512 at full width."""
    return tuple(ConvSpec(width, stride) for width in widths for stride in (1, 2))


def generator_layers(widths: tuple[int, ...], channels: int) -> tuple[ConvSpec, ...]:
    """List layers that double, then mix: 512, 256, 256, 128, 128, image in full."""
    made = []
    for width, following in zip(widths[::-1], (*widths[-2::-1], channels), strict=True):
        made += [ConvSpec(width, 2), ConvSpec(following, 1)]
    return tuple(made)


def make_pair(config: TrainConfig) -> Pair:
    """Build the networks."""
    widths = WIDTHS.of_blocks(config)
    return dcgan.build_pair(
        config,
        base_features=widths[-1],
        generator=generator_layers(widths, config.channels),
        discriminator=discriminator_layers(widths),
        kernel_size=KERNEL_SIZE,
    )
