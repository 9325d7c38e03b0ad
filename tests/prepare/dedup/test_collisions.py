import itertools

import numpy as np
import pytest
from scipy import stats

from dcgan_jax.prepare.dedup import collisions


def draw_codes(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 16), np.uint8)


def flip(code, bits):
    flipped = np.unpackbits(code)
    flipped[list(bits)] ^= 1
    return np.packbits(flipped)


def measure_distances(codes):
    bits = np.unpackbits(codes, axis=1).astype(int)
    return np.abs(bits[:, None] - bits[None]).sum(axis=-1)


def test_equal_codes_have_the_first_row_of_a_dictionary():
    codes = draw_codes(300)[np.random.default_rng(1).integers(0, 300, 2000)]
    known: dict[bytes, int] = {}
    expected = [known.setdefault(code.tobytes(), row) for row, code in enumerate(codes)]
    np.testing.assert_array_equal(collisions.find_equal(codes), expected)


@pytest.mark.parametrize("byte", range(16))
def test_every_byte_tells_codes_apart(byte):
    codes = np.zeros((2, 16), np.uint8)
    codes[1, byte] = 1
    assert collisions.find_equal(codes).tolist() == [0, 1]


def test_blocks_of_the_comparison_leave_nothing_out(monkeypatch):
    codes = np.repeat(draw_codes(50), 7, axis=0)
    monkeypatch.setattr(collisions, "_BLOCK_ROWS", 3)
    expected = np.repeat(np.arange(0, 350, 7), 7)
    np.testing.assert_array_equal(collisions.find_equal(codes), expected)


def test_any_seven_bytes_hold_a_quadruple():
    masks = [sum(1 << int(b) for b in q) for q in collisions.choose_quadruples()]
    assert len(set(masks)) == 140
    for seven in itertools.combinations(range(16), 7):
        here = sum(1 << byte for byte in seven)
        assert any(mask & here == mask for mask in masks)


def test_pairs_of_nine_bits_are_found_wherever_the_bits_lie():
    rng = np.random.default_rng(0)
    codes = draw_codes(400)
    others = [flip(code, rng.choice(128, 9, replace=False)) for code in codes]
    pairs = collisions.find_close(np.concatenate([codes, others]), max_distance=9)
    assert pairs.tolist() == [[row + 400, row] for row in range(400)]


def test_close_pairs_are_those_of_all_pairs():
    rng = np.random.default_rng(2)
    centres = draw_codes(6)
    codes = np.array(
        [
            flip(centres[rng.integers(6)], rng.choice(128, rng.integers(7)))
            for _ in range(120)
        ]
    )
    later, earlier = np.nonzero(np.tri(120, k=-1) * (measure_distances(codes) <= 6))
    pairs = collisions.find_close(codes, max_distance=6)
    assert pairs.tolist() == np.stack([later, earlier], axis=1).tolist()


def test_a_chain_does_not_run_together():
    pairs = np.array([[1, 0], [2, 1], [3, 2]])
    assert collisions.choose_leaders(pairs, 5).tolist() == [0, 0, 2, 2, 4]


def test_the_first_of_a_group_is_kept_and_equal_hashes_are_told():
    first, other = draw_codes(2)
    codes = np.array([first, other, flip(first, [5]), first, flip(first, [5])])
    groups = collisions.find_groups(codes, max_distance=1)
    assert groups.leaders.tolist() == [0, 1, 0, 0, 0]
    assert groups.exact.tolist() == [True, True, False, True, False]
    exact = collisions.find_groups(codes, max_distance=0)
    assert exact.leaders.tolist() == [0, 1, 2, 0, 2]
    assert exact.exact.all()


def test_many_codes_that_agree_take_linear_time(monkeypatch):
    codes = np.zeros((3000, 16), np.uint8)
    codes[:, 12:] = draw_codes(3000)[:, 12:]
    counted = []
    count = np.bitwise_count
    monkeypatch.setattr(
        np, "bitwise_count", lambda words: counted.append(len(words)) or count(words)
    )
    collisions.find_close(codes, max_distance=0)
    assert sum(counted) <= 140 * collisions.MAX_NEIGHBOURS * 3000


@pytest.mark.parametrize("rate", [1e-2, 1e-5, 1e-7, 1e-9])
def test_the_chosen_distance_keeps_chance_collisions_below_the_rate(rate):
    codes = draw_codes(3000)
    codes[:, 10:] = 0  # 80 fair bits: distances are binomial
    distance = collisions.choose_distance(codes, max_rate=rate)
    chance = 3000 / 2 * stats.binom.cdf(distance, 80, 0.5)
    assert chance <= rate
    assert distance == 14 or rate < 1e-2


def test_the_chosen_distance_falls_with_the_rate():
    codes = draw_codes(3000)
    codes[:, 10:] = 0
    chosen = [
        collisions.choose_distance(codes, max_rate=rate) for rate in (1e-2, 1e-6, 1e-12)
    ]
    assert chosen[0] > chosen[1] > chosen[2]


def test_duplicates_in_the_sample_do_not_shrink_the_distance():
    codes = draw_codes(3000)
    codes[:, 10:] = 0
    alone = collisions.choose_distance(codes, max_rate=1e-6)
    codes[2000:] = codes[:1000]
    assert abs(collisions.choose_distance(codes, max_rate=1e-6) - alone) <= 1


def test_hashes_of_few_bits_collide_only_when_equal():
    codes = draw_codes(3000)
    codes[:, 2:] = 0
    assert collisions.choose_distance(codes, max_rate=0.01) == 0
