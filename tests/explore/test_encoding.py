"""Pictures inside the page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.explore import encoding


def decode(url):
    head, _, content = url.partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_comes_back_to_the_bit(channels):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    decoded = decode(encoding.to_url(picture))
    assert np.array_equal(np.atleast_3d(decoded), picture)
