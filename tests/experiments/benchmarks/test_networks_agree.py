import jax
import numpy as np
import pytest

from dcgan_jax.gan.nets import init_state
from experiments.benchmarks import nets


@pytest.mark.parametrize("net", nets.NETS)
def test_both_frameworks_train_networks_of_the_same_size(net):
    pytest.importorskip("torch", reason="needs the extra [bench]")
    from experiments.benchmarks import theirs_nets

    config = nets.make_config(net, batch_size=2)
    shape = nets.make_shape(net, config)
    size, channels = shape.image
    state = jax.eval_shape(
        lambda key: init_state(
            nets.make_nets(net, config), key, image_shape=(size, size, channels)
        ),
        jax.random.key(0),
    )
    pairs = (
        (state.gen, theirs_nets.Generator(shape, is_example=net == "pytorch_example")),
        (state.disc, theirs_nets.Discriminator(shape)),
    )
    for ours, module in pairs:
        own = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(ours.params))
        assert own == sum(weights.numel() for weights in module.parameters())


@pytest.mark.parametrize("net", ["small32", "conditional_mnist", "pytorch_example"])
def test_their_networks_make_and_score_images(net):
    torch = pytest.importorskip("torch", reason="needs the extra [bench]")
    from experiments.benchmarks import theirs_nets

    shape = nets.make_shape(net, nets.make_config(net, batch_size=2))
    size, channels = shape.image
    gen = theirs_nets.Generator(shape, is_example=net == "pytorch_example")
    codes = torch.eye(2, shape.num_classes) if shape.num_classes else None
    images = gen(torch.zeros(2, shape.latent_size), codes)
    assert images.shape == (2, channels, size, size)
    assert theirs_nets.Discriminator(shape)(images, codes).shape == (2,)
