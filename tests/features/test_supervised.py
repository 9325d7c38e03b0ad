import dataclasses
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dcgan_jax import presets
from dcgan_jax.data.batches import Batch
from dcgan_jax.features import random_search, supervised
from dcgan_jax.system import disk, errors

# Two blocks, which compile fast.
NETWORK = dataclasses.replace(
    presets.SVHN, image_size=28, channels=1, width_multiplier=1 / 16, convolution="lax"
)
CONFIG = supervised.SearchConfig(
    network=NETWORK, num_classes=2, num_trials=3, num_epochs=2, seed=5
)
TRIAL = supervised.Trial(
    learning_rate=3e-3, b1=0.5, l2=1e-5, dropout=0.0, batch_size=32, decay_fraction=0.0
)


def draw_halves(seed, count):
    """Noise that is brighter on the left (class 0) or on the right (class 1)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count, np.int32)
    images = rng.integers(0, 128, (count, 28, 28, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 14 * label : 14 * label + 14] += 100
    return Batch(images, labels)


TRAIN, VALID = draw_halves(0, 130), draw_halves(1, 70)


def draw_quick(seed, index):
    """Trials that differ, but share a program."""
    return dataclasses.replace(TRIAL, learning_rate=1e-3 * (1 + index))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(supervised, "draw_trial", draw_quick)


def search(folder, config=CONFIG, train=TRAIN):
    return random_search.search(config, train, VALID, folder, show_progress=False)


def test_two_halves_are_told_apart():
    config = dataclasses.replace(CONFIG, num_epochs=6, eval_every_epochs=3)
    result = supervised.run_trial(config, TRIAL, TRAIN, VALID, index=0)
    assert len(result.valid_errors) == 2
    assert result.final_error == result.valid_errors[-1] <= 0.02
    assert not result.diverged


def test_the_best_epoch_is_the_first_at_the_lowest_error():
    config = dataclasses.replace(CONFIG, num_epochs=12, eval_every_epochs=3)
    result = supervised._summarise(
        config, TRIAL, [0.4, 0.2, 0.2, 0.3], index=7, diverged=False
    )
    assert (result.best_epoch, result.best_error, result.final_error) == (6, 0.2, 0.3)


def test_trials_of_the_same_settings_begin_at_other_weights():
    config = dataclasses.replace(CONFIG, num_epochs=1)
    slow = dataclasses.replace(TRIAL, learning_rate=1e-5)
    errors_of = [
        supervised.run_trial(config, slow, TRAIN, VALID, index=index).final_error
        for index in (0, 0, 1, 2, 3)
    ]
    assert errors_of[0] == errors_of[1]
    assert len(set(errors_of)) > 1


def test_a_trial_s_settings_follow_from_seed_and_index():
    assert supervised.draw_trial(1, 2) == supervised.draw_trial(1, 2)
    drawn = {supervised.draw_trial(seed, index) for seed in (0, 1) for index in (0, 1)}
    assert len(drawn) == 4


def test_settings_are_drawn_from_all_of_their_ranges():
    drawn = [supervised.draw_trial(0, index) for index in range(400)]
    for name, low, high in (("learning_rate", -4, -2), ("l2", -6, -2)):
        exponents = np.log10([getattr(trial, name) for trial in drawn])
        shares = (exponents - low) / (high - low)
        assert 0 <= shares.min() < 0.02
        assert 0.98 < shares.max() <= 1
        assert abs(shares.mean() - 0.5) < 0.05
    for name, choices in (
        ("b1", {0.5, 0.9}),
        ("dropout", {0.0, 0.5}),
        ("batch_size", {32, 64, 128}),
        ("decay_fraction", {0.0, 0.5}),
    ):
        values, counts = np.unique(
            [getattr(t, name) for t in drawn], return_counts=True
        )
        assert set(values.tolist()) == choices
        assert counts.min() > 0.8 * 400 / len(choices)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_trial_that_diverges_counts_as_guessing(dropout):
    hot = dataclasses.replace(TRIAL, learning_rate=1e30, dropout=dropout)
    told = []
    result = supervised.run_trial(
        CONFIG, hot, TRAIN, VALID, index=0, advance=told.append
    )
    assert result.diverged
    assert result.best_error == result.final_error == 0.5
    assert result.best_epoch is None
    assert sum(told) == CONFIG.num_epochs


@pytest.mark.usefixtures("quick")
def test_a_trial_that_diverges_is_recorded_and_the_search_goes_on(
    tmp_path, monkeypatch
):
    def draw(seed, index):
        rate = 1e30 if index == 0 else 1e-3
        return dataclasses.replace(TRIAL, learning_rate=rate)

    monkeypatch.setattr(supervised, "draw_trial", draw)
    results = search(tmp_path, dataclasses.replace(CONFIG, num_trials=2))
    assert [result.diverged for result in results] == [True, False]
    assert json.loads((tmp_path / "trial-000.json").read_text())["diverged"] is True


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder of a finished search, and what it returned."""
    folder = tmp_path_factory.mktemp("search")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervised, "draw_trial", draw_quick)
        return folder, search(folder)


@pytest.mark.usefixtures("quick")
def test_a_finished_search_is_read_and_not_run(done, monkeypatch):
    folder, results = done
    assert sorted(path.name for path in folder.iterdir()) == [
        "trial-000.json", "trial-001.json", "trial-002.json",
    ]  # fmt: skip
    monkeypatch.setattr(supervised, "run_trial", None)
    assert search(folder) == results
    assert [result.index for result in results] == [0, 1, 2]


@pytest.mark.usefixtures("quick")
def test_a_trial_that_was_lost_is_run_again_to_the_bit(done, monkeypatch):
    folder, results = done
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    lost = folder / "trial-001.json"
    text = lost.read_text()
    lost.unlink()
    ran = []
    run_trial = supervised.run_trial

    def run(*args, index, **options):
        ran.append(index)
        return run_trial(*args, index=index, **options)

    monkeypatch.setattr(supervised, "run_trial", run)
    assert search(folder) == results
    assert ran == [1]
    assert lost.read_text() == text
    for path, when in kept.items():
        assert path == lost or path.stat().st_mtime_ns == when


@pytest.mark.usefixtures("quick")
def test_a_longer_search_keeps_the_trials_of_a_shorter_one(done):
    folder, results = done
    shorter = dataclasses.replace(CONFIG, num_trials=2)
    assert search(folder, shorter) == results[:2]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_epochs": 3}, "num_epochs=2; this one asks for num_epochs=3"),
        ({"seed": 6}, "seed=5; this one asks for seed=6"),
        (
            {"network": dataclasses.replace(NETWORK, input_bias=True)},
            "input_bias=False; this one asks for input_bias=True",
        ),
    ],
)
def test_a_folder_of_another_search_is_refused(done, changes, told):
    with pytest.raises(errors.InputError, match=told):
        search(done[0], dataclasses.replace(CONFIG, **changes))


@pytest.mark.usefixtures("quick")
def test_a_folder_of_a_search_on_other_data_is_refused(done):
    with pytest.raises(errors.InputError, match="data_fingerprint="):
        search(done[0], train=draw_halves(9, 130))


def test_a_folder_of_other_trials_is_refused(done):
    with pytest.raises(errors.InputError, match="learning_rate="):
        search(done[0])


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"settings": {}, "trial": {}}'])
def test_a_damaged_result_is_refused(content, tmp_path):
    (tmp_path / "trial-000.json").write_text(content)
    with pytest.raises(errors.InputError, match=r"trial-000\.json"):
        search(tmp_path)


@pytest.mark.usefixtures("quick")
def test_a_trial_that_another_process_runs_is_left_for_last(tmp_path, done):
    order = []
    first, last = tmp_path / "trial-000.json", tmp_path / "trial-002.json"

    def work_elsewhere(locked):
        with disk.exclusive(first.with_suffix(".lock")):
            locked.set()
            deadline = time.monotonic() + 60
            while not last.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            order.append((first.exists(), last.exists()))
            first.write_text((done[0] / first.name).read_text())

    locked = threading.Event()
    with ThreadPoolExecutor(1) as elsewhere:
        working = elsewhere.submit(work_elsewhere, locked)
        assert locked.wait(10)
        assert search(tmp_path) == done[1]
        working.result()
    assert order == [(False, True)]


@pytest.mark.usefixtures("quick")
def test_an_interrupt_costs_the_running_trial_alone(tmp_path, monkeypatch, done):
    def interrupted(*args, index, **options):
        if index == 1:
            raise KeyboardInterrupt
        return done[1][index]

    monkeypatch.setattr(supervised, "run_trial", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["trial-000.json"]


@pytest.mark.parametrize(
    ("changes", "train", "told"),
    [
        ({"eval_every_epochs": 3}, TRAIN, "no multiple of eval_every_epochs=3"),
        ({"num_classes": 3}, Batch(TRAIN.images, TRAIN.labels + 2), "from 2 to 3"),
        ({}, Batch(TRAIN.images, None), "the training rows have no labels"),
        ({}, draw_halves(0, 100), "100 training images, expected at least 128"),
        ({}, Batch(TRAIN.images[:, :20], TRAIN.labels), r"\(20, 28, 1\)"),
    ],
)
def test_what_cannot_be_searched_is_refused(changes, train, told, tmp_path):
    with pytest.raises(errors.InputError, match=told):
        search(tmp_path, dataclasses.replace(CONFIG, **changes), train)
    assert not list(tmp_path.iterdir())
