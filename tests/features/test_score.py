"""The discriminator's score."""

import numpy as np
from flax import linen as nn

from dcgan_jax.features import score


class Brightness(nn.Module):
    """Stands for a discriminator: the logit is the mean of the pixels plus statistics,
    and ten times the label."""

    @nn.compact
    def __call__(self, images, labels=None, *, train):
        assert not train
        shift = self.variable("batch_stats", "shift", lambda: 0.0).value
        logits = images.mean(axis=(1, 2, 3)) + shift
        return (logits if labels is None else logits + 10.0 * labels), {}


def make(shift=0.0):
    return score.make_scorer(
        Brightness(), {}, lambda images: {"shift": np.float32(shift)}, "sigmoid"
    )


def levels(count):
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 4, 4, 1), np.uint8
    )


def test_a_score_is_the_probability_of_being_real():
    found = make()(levels(70), None)  # more than a block
    expected = 1 / (1 + np.exp(-np.arange(70) / 255))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_statistics_are_taken_from_the_images_where_none_are_stored():
    np.testing.assert_allclose(
        make(shift=2.0)(levels(1), None), 1 / (1 + np.exp(-2.0)), atol=1e-6
    )


def test_labels_reach_a_conditional_discriminator():
    found = make()(levels(2), np.array([0, 1], np.int32))
    expected = 1 / (1 + np.exp(-np.array([0, 1 / 255 + 10])))
    np.testing.assert_allclose(found, expected, atol=1e-6)
