"""`--metric=modes`: the modes of stacked digits, in closed form and on real digits."""

import dataclasses

import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.config import data_config
from dcgan_jax.data import store as stores
from dcgan_jax.evaluate import __main__ as evaluate, digit_classifier, modes
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.metrics import modes as metric
from dcgan_jax.prepare import build
from dcgan_jax.prepare.sources import stacked

UNIFORM = np.full(1000, 1e-3)


def test_samples_of_one_mode_are_one_and_the_logarithm_of_1000():
    assert modes.count_modes(np.full(50, 307), UNIFORM) == (
        1,
        pytest.approx(np.log(1000)),
    )


def test_samples_of_all_modes_alike_have_no_distance():
    found = modes.count_modes(np.arange(3000) % 1000, UNIFORM)
    assert found == (1000, pytest.approx(0, abs=1e-12))


def test_the_distance_is_from_the_samples_to_the_data():
    # Half of the samples where the data have a quarter, and so on.
    expected = np.array([0.25, 0.75])
    found = modes.count_modes(np.array([0, 0, 1, 1]), expected)
    assert found.kl == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))


def test_samples_of_the_data_have_the_distance_of_their_number():
    rng = np.random.default_rng(0)
    shares = modes.share_modes(rng.choice(10, 9999, p=np.arange(1, 11) / 55))
    found = modes.count_modes(rng.choice(1000, 25_600, p=shares), shares)
    # (m − 1) / 2n for those that are frequent.
    assert found.kl == pytest.approx(999 / 51_200, rel=0.15)


def test_shares_of_stacks_are_products_of_those_of_digits():
    shares = modes.share_modes(np.array([*range(10), 3, 3]))
    assert shares[307] == pytest.approx(3 / 12 * 1 / 12 * 1 / 12)
    assert shares[333] == pytest.approx((3 / 12) ** 3)
    assert shares.sum() == pytest.approx(1)


def test_modes_are_numbered_by_their_digits():
    digits = np.array([[3, 0, 7], [0, 4, 1]])
    assert list(modes.to_mode(digits)) == [307, 41]
    np.testing.assert_array_equal(modes.to_digits(np.array([307, 41])), digits)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the config of a run on few stacks of scikit-learn's digits."""
    from dcgan_jax.train import loop

    folder = tmp_path_factory.mktemp("stacked")
    config = dataclasses.replace(
        presets.STACKED_DIGITS,
        data_dir=folder / "data",
        workdir=folder / "run",
        width_multiplier=0.0625,
        batch_size=16,
        num_steps=2,
        num_workers=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacked, "NUM_TRAINING", 1000)
        patch.setattr(stacked, "NUM_OTHERS", 300)
        for split in ("train", "test"):
            data = dataclasses.replace(data_config(config), split=split)
            build.prepare(data, show_progress=False)
    loop.run(config)
    return config


@pytest.mark.long
def test_real_stacks_have_nearly_all_modes_and_the_reader_is_kept(run, monkeypatch):
    train = stores.open_store(stores.store_path(data_config(run)))
    flags = EvaluateConfig(str(run.workdir), "modes")
    counter = metric._open_counter(flags, run, train, len(train))
    assert counter.reader.accuracy > 0.9
    found = counter.count_real(10**6)
    true = modes.count_modes(np.asarray(train.labels()), counter.expected)
    assert found.num_modes == pytest.approx(true.num_modes, rel=0.05)
    assert found.kl == pytest.approx(true.kl, rel=0.1)
    monkeypatch.setattr(digit_classifier, "train_reader", None)
    again = metric._open_counter(flags, run, train, len(train))
    assert again.reader.accuracy == counter.reader.accuracy
    (path,) = (run.data_dir / "classifiers").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(TypeError):  # it is trained anew
        metric._open_counter(flags, run, train, len(train))
    path.write_bytes(whole)


def test_the_command_counts_the_modes_of_samples(run, run_command):
    ended = run_command(
        evaluate.main, run.workdir, "--metric=modes", "--num_samples=300"
    )
    assert ended.code == 0, ended.err
    assert "of 1,000 modes, KL" in ended.out
    assert "of unseen digits are read rightly" in ended.out


def test_a_run_on_other_images_is_refused(tiny_run, one_error):
    told = one_error(evaluate.main, tiny_run.workdir, "--metric=modes")
    assert "was trained on digits with 1 channels" in told
