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


def test_an_image_lies_in_the_sprite_where_the_page_cuts_it_out():
    images = np.random.default_rng(0).integers(0, 256, (70, 4, 6, 3), np.uint8)
    sprite = encoding.to_sprite(images)
    picture = decode(sprite["url"])
    columns = sprite["columns"]
    for number in (0, 31, 32, 69):
        top, left = number // columns * 4, number % columns * 6
        assert np.array_equal(picture[top : top + 4, left : left + 6], images[number])
    assert (sprite["count"], sprite["width"], sprite["height"]) == (70, 6, 4)
