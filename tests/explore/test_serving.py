"""Samples at addresses of their own."""

import io

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.explore import serving
from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.explore.hub import Hub
from dcgan_jax.explore.session import Session
from dcgan_jax.system import seeds


@pytest.fixture(scope="module")
def hub(run):
    return Hub(ExploreConfig(str(run)))


@pytest.fixture(scope="module")
def server(hub):
    return serving.SampleServer(hub)


def test_an_address_gives_the_sample_of_its_seed_and_number_to_the_bit(hub, server):
    subject = hub.find(None)
    place = serving.place_samples(subject, Session(seed=5), 70)["places"][0]
    _, digest, seed, label = place.split("/")
    generator = subject.number(5, None)
    images = generator.draw(generator.latents(70))
    for number in (0, 31, 63, 64, 69):
        png = io.BytesIO(server.read(digest, seed, label, str(number)))
        with Image.open(png) as picture:
            assert np.array_equal(np.asarray(picture), images[number, ..., 0])


@pytest.mark.parametrize(
    ("seed", "label", "number"),
    [("0", "-", "100000"), ("-1", "-", "0"), ("0", "0", "0"), ("0", "-", "../0"),
     (str(seeds.MAX_SEED + 1), "-", "0"), ("0", "-", "²"), ("0", "", "1")],
)  # fmt: skip
def test_an_address_of_no_sample_gives_nothing(seed, label, number, hub, server):
    digest = hub.find(None).require().digest
    assert server.read(digest, seed, label, number) is None


def test_an_address_of_a_generator_that_no_page_shows_gives_nothing(server):
    assert server.read("0" * 64, "0", "-", "0") is None
