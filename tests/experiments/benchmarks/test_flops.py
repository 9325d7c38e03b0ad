import pytest

from experiments.benchmarks import flops, nets


def test_a_strided_convolution_counts_every_tap_of_every_output():
    layer = nets.ConvShape(
        "disc/conv0", side=3, stride=2, large=4, small=2, inputs=5, outputs=7
    )
    taps = [
        (row, column, u, v, source, target)
        for row in range(2)
        for column in range(2)
        for u in range(3)
        for v in range(3)
        for source in range(5)
        for target in range(7)
    ]
    assert flops.count_convolution(layer) == 2 * len(taps)


def test_an_iteration_is_the_sum_of_its_products():
    disc = nets.ConvShape("disc/conv0", 1, 1, 1, 1, 1, 3)
    inner = nets.ConvShape("disc/conv1", 1, 1, 1, 1, 3, 5)
    gen = nets.ConvShape("gen/conv0", 1, 1, 1, 1, 7, 11)
    shape = nets.PairShape(
        convolutions=(disc, inner, gen),
        projection=(13, 11),
        logit=5,
        base=(11, 1),
        image=(1, 1),
    )
    first, second, logit, dense, last = 2 * 3, 2 * 15, 2 * 5, 2 * 143, 2 * 77
    forward = first + second + logit
    d_update = 2 * (forward + forward + second + logit)  # real, fake: values, dW, dx
    g_update = (dense + last) + 2 * forward + (dense + last) + last
    assert flops.count_iteration(shape, shares_fake=True) == d_update + g_update
    drawn_anew = flops.count_iteration(shape, shares_fake=False)
    assert drawn_anew == d_update + g_update + dense + last


# Counted by hand for the issue that asked for the benchmark, at a batch of 128.
@pytest.mark.parametrize(
    ("net", "gflop"),
    [("small32", 77), ("pytorch_example", 291), ("imagenet32", 753), ("dcgan64", 1795)],
)
def test_the_measured_nets_cost_what_was_counted_by_hand(net, gflop):
    shape = nets.make_shape(net, nets.make_config(net, batch_size=128))
    found = flops.count_iteration(shape, shares_fake=True) * 128 / 1e9
    assert found == pytest.approx(gflop, rel=0.01)


def test_shapes_follow_the_maps_through_both_networks():
    shape = nets.make_shape("dcgan64", nets.make_config("dcgan64", batch_size=2))
    maps = {layer.name: (layer.large, layer.small) for layer in shape.convolutions}
    assert maps["disc/conv0"] == (64, 32)
    assert maps["disc/conv3"] == (8, 4)
    assert maps["gen/conv0"] == (8, 4)
    assert maps["gen/conv3"] == (64, 32)
    assert shape.logit == 4 * 4 * 1024
