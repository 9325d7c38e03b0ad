import numpy as np
import pytest

from dcgan_jax.data.batches import Batch
from experiments.rivals import infimnist

SIDE = 28


@pytest.fixture(scope="module")
def some():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, SIDE, SIDE, 1), np.uint8)
    return Batch(images, np.arange(20, dtype=np.int32) % 10)


def test_a_ramp_in_a_constant_field_moves_by_the_field():
    ramp = np.float32(4 * np.arange(SIDE)[:, None] + 3 * np.arange(SIDE) + 20)
    fields = np.stack([np.full((SIDE, SIDE), 2.0), np.full((SIDE, SIDE), -1.0)])
    bent = np.asarray(infimnist.bend(ramp[None], np.float32(fields[None])))[0]
    inner = slice(6, -6)  # nearer the border the smoothing meets zeros
    expected = ramp + 2 * 4 - 1 * 3
    assert np.abs(bent - expected)[inner, inner].max() <= 1  # cut to whole numbers


def test_images_move_to_nine_places_and_zeros_come_in(some):
    image = some.images[0, :, :, 0].astype(np.float32)
    padded = np.pad(image, 1)
    for down in range(3):
        for right in range(3):
            moved = infimnist.move(image[None], np.array([[down, right]]))[0]
            shifted = np.roll(padded, (down - 1, right - 1), (0, 1))[1:-1, 1:-1]
            np.testing.assert_array_equal(moved, shifted)


def test_fields_are_as_long_as_those_of_simard():
    fields = infimnist.draw_fields(60, side=60, seed=0)[:, 20:-20, 20:-20]
    # Uniform noise of variance 1/3, of which a Gaussian keeps 1 / (4 π deviation²).
    expected = 34 * np.sqrt(1 / 3 / (4 * np.pi * 4**2))
    assert fields.std() == pytest.approx(expected, rel=0.1)


def test_the_first_samples_are_the_training_images_and_labels_go_round(some):
    stream = infimnist.InfiMnist(some, strength=1.0, seed=0)
    block = np.asarray(stream.block(0, 300))
    np.testing.assert_array_equal(block[:20], some.images)
    # A sample is the same in every block.
    np.testing.assert_array_equal(stream.block(256, 44), block[256:])
    assert (stream.labels(np.array([0, 19, 20, 41])) == [0, 9, 0, 1]).all()
    # Without bending, each sample is its image, moved.
    still = infimnist.InfiMnist(some, strength=0.0, seed=0).block(20, 20)
    for image, real in zip(np.asarray(still), some.images, strict=True):
        places = np.array([[i, j] for i in range(3) for j in range(3)])
        many = np.repeat(real[None, :, :, 0].astype(np.float32), 9, 0)
        moved = infimnist.move(many, places)
        assert (np.asarray(moved) == image[:, :, 0]).all(axis=(1, 2)).any()


def test_the_script_classifies_the_digits(
    in_process, run_command, read_numbers, tmp_path
):
    ended = run_command(
        infimnist.main, "--num_samples=2500", "--num_choosing=1200",
        "--strengths", "0", "0.5", f"--counts={tmp_path}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_infimnist_digits")
    assert list(numbers["error_percent"]) == ["1000", "2500"]
    # scikit-learn's nearest neighbour on these digits has 3 to 4 %.
    assert numbers["error_percent"]["1000"] < 8
