import jax
import jax.numpy as jnp
import numpy as np
from experiments.rivals.gsn import Gsn

from experiments.rivals import gsn

KEY = jax.random.key(0)


def test_two_pixels_of_ten_become_black_and_two_white():
    corrupted = np.asarray(gsn.corrupt(jnp.full((400, 100), 0.25), KEY))
    shares = [(corrupted == level).mean() for level in (0.0, 1.0, 0.25)]
    np.testing.assert_allclose(shares, [0.2, 0.2, 0.6], atol=0.01)


def test_a_guess_is_told_by_the_first_layer_which_has_no_noise():
    rng = np.random.default_rng(0)
    weights = np.float32(rng.normal(size=(4, 3)))
    below, above = np.float32(rng.normal(size=4)), np.float32(rng.normal(size=3))
    net = Gsn((weights,), (below, above))
    pixels = jnp.float32(rng.random((5, 4)))
    layers, logits = gsn.go_round(net, gsn.begin_at(net, pixels), KEY)
    first = np.tanh(np.asarray(pixels) @ weights + above)
    np.testing.assert_allclose(layers[1], first, atol=1e-5)
    np.testing.assert_allclose(logits, first @ weights.T + below, atol=1e-4)
    assert set(np.unique(layers[0])) <= {0.0, 1.0}


def test_a_later_layer_has_noise_before_and_after_its_units():
    biases = jnp.zeros(2), jnp.zeros(3), jnp.array([0.0, 30.0])
    net = Gsn((jnp.zeros((2, 3)), jnp.zeros((3, 2))), biases)
    layers, _ = gsn.go_round(net, gsn.begin_at(net, jnp.zeros((40_000, 2))), KEY)
    # E[tanh²(2ε)] by quadrature; a unit that is told 30 is 1 whatever the noise.
    points, shares = np.polynomial.hermite_e.hermegauss(80)
    spread = (shares * np.tanh(2 * points) ** 2).sum() / shares.sum()
    np.testing.assert_allclose(layers[2].var(0), [4 + spread, 4], rtol=0.03)
    np.testing.assert_allclose(layers[2].mean(0), [0, 1], atol=0.05)


def test_a_walk_leaves_a_guess_of_every_round_and_sends_gradients_to_all_layers():
    net = gsn.init_net(6, (5, 4), KEY)
    pixels = jnp.ones((3, 6))
    found = gsn.walk(net, pixels, KEY, num_rounds=4)
    assert found.shape == (4, 3, 6)

    def miss_last(net):
        return jnp.square(gsn.walk(net, pixels, KEY, num_rounds=4)[-1]).sum()

    slopes = jax.grad(miss_last)(net)
    assert all(bool((slope != 0).any()) for slope in jax.tree.leaves(slopes))


def test_the_script_measures_samples_of_two_layers(run_command, read_numbers):
    ended = run_command(
        gsn.main, "--num_hidden", "40", "40", "--num_steps=100", "--num_samples=300",
        "--num_rounds=20",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_gsn_digits")
    # A window of sigma 1 around one grey image has −59 − 3 nats.
    assert numbers["log_likelihood"] > -40
    assert numbers["standard_error"] > 0
