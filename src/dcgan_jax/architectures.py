"""The architectures: the one place that lists them; standard library only.

A pair of networks is told of here so that flags, recipes and data know it without
importing JAX; its layers, widths and builder are in its own module of `models`.
"""

from typing import NamedTuple


class Architecture(NamedTuple):
    """What is known of a pair of networks before it is built.

    Attributes:
        module: the one of `dcgan_jax.models` whose `make_pair` builds it.
        is_plain: it is a DCGAN that is told nothing but images, and has the choices of
            one: batch_norm, disc_pooling, spectral_norm, penalties, diffaugment.
        is_conditional: it is told the label of every image.
        image_size: the one side that its layers fit, in pixels; None: any.
    """

    module: str
    is_plain: bool = False
    is_conditional: bool = False
    image_size: int | None = None


ARCHITECTURES = {
    "small": Architecture("dcgan", is_plain=True),
    "dcgan64": Architecture("dcgan", is_plain=True),
    "imagenet32": Architecture("imagenet32", is_plain=True),
    "svhn32": Architecture("dcgan", is_plain=True),
    "conditional_mnist": Architecture("conditional_mnist", is_conditional=True),
    "mlp_gan": Architecture("mlp_gan", is_conditional=True),
    "goodfellow_mnist": Architecture("goodfellow"),
    "goodfellow_cifar10": Architecture("goodfellow"),
    "goodfellow_cifar10_conv": Architecture("goodfellow", image_size=32),
    "goodfellow_faces": Architecture("goodfellow"),
}

# DCGANs that are told nothing but images.
PLAIN = tuple(name for name, one in ARCHITECTURES.items() if one.is_plain)
# Networks that are told the label of every image.
CONDITIONAL = tuple(name for name, one in ARCHITECTURES.items() if one.is_conditional)
