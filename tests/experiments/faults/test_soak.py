import pytest
from experiments.faults.soak import Look

from experiments.faults import soak, trials


def measure(memory, files, count=100):
    """Judge a run of a save a look; return the problems and the figures."""
    outcome = trials.Outcome()
    looks = [Look(soak.STEPS_A_SAVE * n, memory(n), files(n)) for n in range(count)]
    figures = soak._measure(looks, outcome)
    return outcome.problems, figures


def test_a_flat_run_has_no_problem_though_saves_open_files_for_a_moment():
    problems, figures = measure(lambda n: 400 + n % 3, lambda n: 14 + 9 * (n % 4 == 0))
    assert problems == []
    assert figures["memory_mb_per_save"] == pytest.approx(0, abs=0.05)
    assert figures["median_open_files_last_quarter"] == 14
    assert figures["most_open_files"] == 23


def test_growth_of_the_first_half_alone_is_none():
    problems, _ = measure(lambda n: 400 + 9 * min(n, 49), lambda n: min(n, 49))
    assert problems == []


def test_memory_that_grows_is_told_with_its_rate():
    problems, figures = measure(lambda n: 400 + 2.5 * n, lambda n: 14)
    assert problems == ["memory grows: 2.50 MB a save"]
    assert figures["memory_mb_per_save"] == pytest.approx(2.5)


def test_files_that_stay_open_are_told():
    problems, _ = measure(lambda n: 400, lambda n: 14 + n // 5)
    assert problems == ["open files grow from 26 to 31"]


def test_too_few_looks_say_nothing():
    problems, figures = measure(lambda n: 400, lambda n: 14, count=12)
    assert problems == ["only 12 looks"]
    assert figures == {}
