"""Latents of own pictures beside a generator's samples."""

import numpy as np
import pytest

from dcgan_jax.explore import own
from dcgan_jax.latent.latent_file import LatentFile
from dcgan_jax.system import errors


def test_own_pictures_are_found_by_number_among_the_samples(subject):
    subject.own[:] = [np.full(100, 0.5, np.float32), np.zeros(100, np.float32)]
    generator = subject.number(0, None)
    found = generator.pick([own.FIRST_NUMBER + 1, 3, own.FIRST_NUMBER])
    assert np.array_equal(found[0], subject.own[1])
    assert np.array_equal(found[1], generator.latents(4)[3])
    assert np.array_equal(found[2], subject.own[0])
    with pytest.raises(errors.InputError, match="2 pictures of your own"):
        generator.pick([own.FIRST_NUMBER + 2])
    subject.own.clear()


def test_own_pictures_are_there_at_the_next_start(tmp_path):
    def make(*numbers):
        latent = np.array(numbers, np.float32)
        return LatentFile("0" * 64, "run", 1, None, "x.png", 0.1, latent)

    paths = [own.save(make(number, 1), tmp_path) for number in range(11)]
    own.save(make(1, 2, 3), tmp_path)  # of another generator
    (tmp_path / "own-bad.json").write_text("{}")
    assert paths[1].name == "own-2.json"
    found = own.read_all(tmp_path, 2)
    assert [latent[0] for latent in found] == list(range(11))
