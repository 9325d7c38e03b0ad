"""The useful arithmetic of one iteration, counted layer by layer.

A multiply-add is two operations. Products with the zeros of the padding are counted;
products with zeros that a dilation inserts are not, so that a transposed convolution
costs what its strided one does. Batch norm, activations and Adam are left out, which
are under 1 % of the operations, although not of the time.
"""

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.gan import nets as gan_nets
from dcgan_jax.gan.nets import Nets
from experiments.benchmarks.nets import ConvShape


def count_convolution(layer: ConvShape) -> int:
    """Return the operations of one of a convolution's three products on one image."""
    return 2 * layer.side**2 * layer.inputs * layer.outputs * layer.small**2


def count_iteration(made: Nets, config: TrainConfig, *, shares_fake: bool) -> int:
    """Return the operations of a k = 1 iteration on a minibatch.

    The discriminator's update has the forward pass and the kernel gradients on real and
    generated images, and the gradients of all maps but the image. The generator's
    update has the forward pass through both networks, the gradients of the
    discriminator's maps with the image and of the generator's maps without the latents,
    and the gradients of the generator's kernels.

    Args:
        made: the networks, whose convolutions are XLA's own (`list_products`).
        config: their settings.
        shares_fake: whether both updates use one generated batch, as PyTorch's example
            does; the paper's algorithm, which this project follows, draws anew.
    """
    size, batch = config.image_size, config.batch_size
    image = (size, size, config.channels)
    state = gan_nets.shape_state(made, image_shape=image)
    images = jax.ShapeDtypeStruct((batch, *image), np.float32)
    labels = jax.ShapeDtypeStruct((batch,), np.int32) if config.num_classes else None
    key = jax.eval_shape(lambda: jax.random.key(0))
    latents = jax.eval_shape(lambda key: made.draw_latents(key, batch), key)

    def generate(gen: Any, latents: Any, labels: Any) -> Any:
        return made.generate(gen, gen.params, latents, labels)

    def judge(disc: Any, images: Any, labels: Any, key: Any) -> Any:
        return made.judge(disc.params, disc.batch_stats, images, labels, key)

    gen = list(_list_products(generate, state.gen, latents, labels))
    disc = list(_list_products(judge, state.disc, images, labels, key))
    d_update = 2 * (3 * sum(disc) - disc[0])
    g_update = 2 * sum(disc) + 3 * sum(gen) - gen[0]
    return d_update + g_update + (0 if shares_fake else sum(gen))


def _list_products(function: Any, *shapes: Any) -> Iterator[int]:
    """Yield the operations of the products of a forward pass, without added zeros."""
    yield from _list_in(jax.make_jaxpr(function)(*shapes).jaxpr)


def _list_in(jaxpr: Any) -> Iterator[int]:
    for line in jaxpr.eqns:
        if line.primitive.name == "conv_general_dilated":
            yield _count_convolution(line)
        elif line.primitive.name == "dot_general":
            ((axes, _), _) = line.params["dimension_numbers"]
            left = line.invars[0].aval.shape
            summed = math.prod(left[axis] for axis in axes)
            yield 2 * line.outvars[0].aval.size * summed
        for part in jax.tree.leaves(list(line.params.values()), is_leaf=_has_lines):
            inner = getattr(part, "jaxpr", part)
            if _has_lines(inner):
                yield from _list_in(inner)


def _count_convolution(line: Any) -> int:
    """A transposed one, whose map is dilated, costs what its strided one does."""
    is_transposed = max(line.params["lhs_dilation"]) > 1
    small = line.invars[0].aval if is_transposed else line.outvars[0].aval
    return 2 * small.size * line.invars[1].aval.size // small.shape[-1]


def _has_lines(part: Any) -> bool:
    return hasattr(part, "eqns")
