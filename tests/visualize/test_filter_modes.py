import numpy as np
import pytest

from dcgan_jax.visualize import filter_modes

INPUTS, SIDE = 40, 8
rng = np.random.default_rng(0)
ROWS, COLUMNS = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
CHECKERBOARD = np.where((ROWS + COLUMNS) % 2, -1.0, 1.0)
STRIPES = np.where(COLUMNS // 2 % 2, 0.0, 1.0)  # not negative, as after ReLU
RAMP = 1.0 + COLUMNS
STRENGTH = rng.uniform(0.2, 2.0, (INPUTS, 1, 1))


def of(maps):
    return filter_modes.measure_modes(np.asarray(maps, np.float32)[..., None])


def state_of(maps, others=3):
    """Classify a filter among healthy ones."""
    healthy = rng.normal(size=(INPUTS, SIDE, SIDE, others))
    layer = np.concatenate([np.asarray(maps)[..., None], healthy], axis=-1)
    states = filter_modes.classify_filters(filter_modes.measure_modes(layer))
    assert states[1:] == ["healthy"] * others
    return states[0]


def repeat(pattern):
    return np.broadcast_to(pattern, (INPUTS, SIDE, SIDE))


def test_the_same_map_for_all_inputs_has_no_variation_and_one_mode():
    modes = of(repeat(RAMP))
    assert modes.variation == pytest.approx([0], abs=1e-9)
    assert modes.mode_share == pytest.approx([1])
    assert modes.energy == pytest.approx([np.square(RAMP).mean()])


def test_two_patterns_in_turns_share_the_energy():
    """Orthogonal ones, of energies 9 and 4, each on half of the inputs."""
    maps = np.zeros((INPUTS, SIDE, SIDE))
    maps[::2, 0, 0], maps[1::2, 5, 5] = 3.0, 2.0
    modes = of(maps)
    assert modes.mode_share == pytest.approx([9 / 13])
    # The mean of either place is half of its value: half of the energy is not shared.
    assert modes.variation == pytest.approx([0.5])


@pytest.mark.parametrize(
    ("pattern", "share"),
    [
        (CHECKERBOARD, 1.0),
        (STRIPES, 1.0),
        (np.cos(2 * np.pi * 2 * ROWS / SIDE), 1.0),
        (np.cos(2 * np.pi * ROWS / SIDE), 0.0),  # one period a map is a slope
        (np.ones((SIDE, SIDE)), 0.0),
        # Two frequencies, of energies 16 and 9.
        (4 * CHECKERBOARD + 3 * np.where(ROWS % 2, -1.0, 1.0), 16 / 25),
    ],
    ids=["checkerboard", "stripes", "two periods", "one period", "flat", "two"],
)
def test_oscillation_is_the_share_of_one_frequency(pattern, share):
    assert of(repeat(pattern)).oscillation == pytest.approx([share], abs=1e-6)


@pytest.mark.parametrize(
    ("maps", "state"),
    [
        (STRENGTH * CHECKERBOARD, "oscillating"),
        (STRENGTH * STRIPES + rng.normal(0, 0.05, (INPUTS, SIDE, SIDE)), "oscillating"),
        (repeat(CHECKERBOARD), "oscillating"),
        (repeat(RAMP), "fixed"),
        (repeat(RAMP) + rng.normal(0, 0.3, (INPUTS, SIDE, SIDE)), "fixed"),
        (np.zeros((INPUTS, SIDE, SIDE)), "silent"),
        (np.full((INPUTS, SIDE, SIDE), 1e-4), "silent"),
        # A filter may well tell one thing, such as brightness.
        (STRENGTH * np.ones((SIDE, SIDE)), "healthy"),
        (np.maximum(rng.normal(size=(INPUTS, SIDE, SIDE)), 0), "healthy"),
    ],
    ids=[
        "strength", "noisy stripes", "same", "ramp", "noisy ramp", "zero", "tiny",
        "brightness", "ReLU",
    ],
)  # fmt: skip
def test_collapsed_filters_are_told_from_healthy_ones(maps, state):
    assert state_of(maps) == state


def test_a_collapse_is_dated_from_the_last_healthy_step():
    history = {
        300: ["fixed", "healthy", "oscillating", "healthy"],
        100: ["healthy", "healthy", "fixed", "silent"],
        200: ["fixed", "fixed", "fixed", "silent"],
    }
    assert filter_modes.find_collapsed(history) == [
        (0, "fixed", 200),
        (2, "oscillating", 100),
    ]


def test_a_healthy_layer_has_none():
    assert filter_modes.find_collapsed({1: ["fixed"], 2: ["healthy"]}) == []
