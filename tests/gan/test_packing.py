"""`--packing`: the discriminator judges several images at once."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models
from dcgan_jax.gan import losses, packing
from dcgan_jax.gan.nets import make_nets, shape_state
from dcgan_jax.system import errors
from small_steps import BATCH, SHAPE, SMALL

PACKED = dataclasses.replace(SMALL, packing=2)


def test_neighbours_of_a_minibatch_become_channels_of_one_image():
    images = np.arange(4 * 2 * 3 * 3).reshape(4, 2, 3, 3)
    found = packing.make_pack(2)(jnp.asarray(images))
    expected = [np.concatenate([images[i], images[i + 1]], -1) for i in (0, 2)]
    np.testing.assert_array_equal(found, expected)


def test_one_image_is_left_as_it_is():
    assert packing.make_pack(1) is packing.leave_single


def test_a_pack_that_repeats_itself_can_be_told_though_each_image_cannot():
    """What packing is for: generated images that are all one of the real ones."""
    real = jnp.asarray([1.0, -1.0, -1.0, 1.0]).reshape(4, 1, 1, 1)
    fake = jnp.asarray([1.0, 1.0, -1.0, -1.0]).reshape(4, 1, 1, 1)
    alone = [sorted(np.ravel(images).tolist()) for images in (real, fake)]
    assert alone[0] == alone[1]

    def judge(images):
        packs = packing.pack(images, size=2)
        return 5 - 5 * jnp.abs(packs[..., 0] + packs[..., 1]).ravel()

    assert losses.discriminator(judge(real), judge(fake)) < 0.1


@pytest.mark.parametrize("at_once", [False, True])
def test_a_logit_is_of_a_pack_and_real_and_generated_ones_do_not_mix(
    at_once, draw_state
):
    nets = make_nets(PACKED, num_steps=1)._replace(at_once=at_once)
    disc = draw_state(nets, image_shape=SHAPE).disc
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (3, BATCH, *SHAPE)).astype(np.float32)
    keys = (jax.random.key(0),) * 2

    def judge(real, fake):
        return nets.judge_both(disc.params, disc.batch_stats, (real, fake), None, keys)

    real, fake, _ = judge(images[0], images[1])
    assert real.shape == fake.shape == (BATCH // 2,)
    other, same, _ = judge(images[2], images[1])
    np.testing.assert_allclose(same, fake, atol=1e-5)
    assert (jnp.abs(other - real) > 1e-5).all()


def test_the_first_kernel_reads_all_channels_and_the_generator_is_the_same():
    packed, plain = (
        shape_state(make_nets(config, num_steps=1), image_shape=SHAPE)
        for config in (PACKED, SMALL)
    )
    assert packed.disc.params["conv0"]["kernel"].shape[2] == 2
    assert plain.disc.params["conv0"]["kernel"].shape[2] == 1
    assert packed.gen == plain.gen


def test_features_of_one_image_are_refused():
    with pytest.raises(errors.InputError, match="judges 2 images at once"):
        models.make_discriminator(PACKED)
