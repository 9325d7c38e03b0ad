"""The useful arithmetic of one iteration, counted layer by layer.

A multiply-add is two operations. Products with the zeros of the padding are counted;
products with zeros that a dilation inserts are not, so that a transposed convolution
costs what its strided one does. Batch norm, activations and Adam are left out, which
are under 1 % of the operations, although not of the time.
"""

from experiments.benchmarks.nets import ConvShape, PairShape


def count_convolution(layer: ConvShape) -> int:
    """Return the operations of one of a convolution's three products on one image."""
    return 2 * layer.side**2 * layer.inputs * layer.outputs * layer.small**2


def count_iteration(shape: PairShape, *, shares_fake: bool) -> int:
    """Return the operations of a k = 1 iteration, for one image of the minibatch.

    The discriminator's update has the forward pass and the kernel gradients on real and
    generated images, and the gradients of all maps but the image. The generator's
    update has the forward pass through both networks, the gradients of the
    discriminator's maps with the image and of the generator's maps without the latents,
    and the gradients of the generator's kernels.

    Args:
        shape: what the networks compute.
        shares_fake: whether both updates use one generated batch, as PyTorch's example
            does; the paper's algorithm, which this project follows, draws anew.
    """
    disc = [count_convolution(layer) for layer in shape.convolutions if _in_disc(layer)]
    gen = [
        count_convolution(layer) for layer in shape.convolutions if not _in_disc(layer)
    ]
    logit = 2 * shape.logit
    dense = 2 * shape.projection[0] * shape.projection[1]
    disc_forward = sum(disc) + logit
    gen_forward = sum(gen) + dense
    d_update = 2 * (disc_forward + disc_forward + (disc_forward - disc[0]))
    g_update = 2 * disc_forward + gen_forward + (gen_forward - dense) + gen_forward
    return d_update + g_update + (0 if shares_fake else gen_forward)


def _in_disc(layer: ConvShape) -> bool:
    return layer.name.startswith("disc/")
