import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from dcgan_jax import cli
from dcgan_jax.data.batches import Batch
from dcgan_jax.gan import losses, nets as pairs, steps
from experiments.studies import goodfellow_details as details

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def nets():
    config = cli.parse_run(["--preset=goodfellow_mnist", "--width_multiplier=0.02"])
    return pairs.make_nets(config, num_steps=10, num_rows=100)


@pytest.mark.long
def test_a_shared_fake_batch_is_judged_as_d_has_judged_it(nets):
    state = pairs.init_state(nets, KEY, image_shape=(28, 28, 1))
    batch = Batch(np.zeros((20, 28, 28, 1), np.uint8), None)
    _, metrics = steps.d_step(nets, state, batch, KEY)
    fake, _ = nets.generate(
        state.gen, state.gen.params, nets.draw_latents(KEY, 20), None
    )
    shared = details.SharedMask(*nets)
    shared.mask_key = details.find_fake_mask(KEY)
    for other in (KEY, jax.random.key(1)):  # whatever key it is given
        logits, _ = shared.judge(state.disc.params, {}, fake, None, other)
        found = losses.mean_probability(logits)
        assert float(found) == pytest.approx(float(metrics["d_fake"]), abs=1e-6)


def test_dropout_that_does_not_scale_up_leaves_what_stays():
    ones = jnp.ones((50, 40))
    dropped = [
        np.asarray(
            kind(0.2, deterministic=False).apply({}, ones, rngs={"dropout": KEY})
        )
        for kind in (nn.Dropout, details.Masked)
    ]
    assert set(np.unique(dropped[1]).round(6)) == {0.0, 1.0}
    np.testing.assert_allclose(dropped[1], 0.8 * dropped[0], rtol=1e-6)
