import jax
import jax.numpy as jnp
import numpy as np
import pytest
from experiments.rivals.swwae import Layer, Outputs, Swwae

from experiments.rivals import swwae

KEY = jax.random.key(0)
SMALL = (Layer(4, 5, pools=True), Layer(3, 3, pools=False), Layer(5, 3, pools=True))


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32)


def test_unpooling_leaves_the_maxima_where_they_were_and_zeros_elsewhere(maps):
    what, where = swwae.pool(maps)
    expected = np.zeros_like(maps)
    for image, row, column, number in np.ndindex(what.shape):
        block = np.s_[image, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2, number]
        window = maps[block]
        assert what[image, row, column, number] == window.max()
        assert where[image, row, column, number] == window.argmax()
        expected[block] = np.where(window == window.max(), window, 0)
    np.testing.assert_array_equal(swwae.unpool(what, where, (5, 6)), expected)


def test_the_decoder_guesses_what_every_layer_was_given_at_odd_sizes_too():
    images = jax.random.normal(KEY, (2, 7, 7, 1))
    network = Swwae(SMALL, 10, 0.5)
    outputs, params = network.init_with_output(KEY, images)
    assert outputs.logits.shape == (2, 10)
    shapes = [(2, 7, 7, 1), (2, 3, 3, 4), (2, 3, 3, 3)]
    assert [maps.shape for maps in outputs.below] == shapes
    assert [maps.shape for maps in outputs.rebuilt] == shapes
    np.testing.assert_array_equal(outputs.below[0], images)
    dropped = network.apply(params, images, train=True, rngs={"dropout": KEY})
    assert (dropped.logits != outputs.logits).any()
    for made, expected in zip(dropped.rebuilt, outputs.rebuilt, strict=True):
        np.testing.assert_array_equal(made, expected)


def test_labels_count_for_the_first_images_and_maps_for_all():
    logits = jnp.array([[0.0, np.log(3.0)], [5.0, 5.0]])
    below = [jnp.ones((2, 1, 1, 1)), jnp.array([[0.0, 2.0], [0.0, 4.0]])]
    rebuilt = [jnp.zeros((2, 1, 1, 1)), jnp.zeros((2, 2))]
    outputs = Outputs(logits, below, rebuilt)
    found = swwae.make_loss(outputs, jnp.array([1]), image_weight=10.0, map_weight=0.1)
    # −ln ¾, ten times 1, a tenth of (4 + 16) / 4
    assert float(found) == pytest.approx(np.log(4 / 3) + 10 + 0.5, rel=1e-6)


@pytest.mark.long
def test_the_script_learns_digits_from_ten_labels_a_class(run_command, read_numbers):
    ended = run_command(
        swwae.main, "--num_train=400", "--width_multiplier=0.0625", "--num_steps=50",
        "--draws=1",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_swwae_digits")
    for name in swwae.DROPOUT:
        assert numbers[name]["error_mean"] < 0.75  # 0.9 by guessing
        assert len(numbers[name]["errors"]) == 1
