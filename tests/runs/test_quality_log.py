"""The rows of RUN/quality.jsonl."""

import json

import pytest

from dcgan_jax.runs.quality_log import FILE, QualityLog

SETTINGS = {"num_samples": 10}


def make_row(step, fid, *, generator="a", settings=SETTINGS, **more):
    return {
        "step": step,
        "numbers": {"fid": fid, **more},
        "generator": generator,
        "settings": settings,
    }


def read_steps(folder):
    rows = map(json.loads, (folder / FILE).read_text().splitlines())
    return [(row["step"], row["numbers"]["fid"]) for row in rows]


def test_a_row_is_found_again_by_its_step_generator_and_settings(tmp_path):
    QualityLog(tmp_path, SETTINGS).add(make_row(10, 3.0))
    log = QualityLog(tmp_path, SETTINGS)
    assert log.find(10, ["a"]) == make_row(10, 3.0)
    assert log.find(10, ["b"]) is None
    assert log.find(20, ["a"]) is None
    assert QualityLog(tmp_path, {"num_samples": 20}).find(10, ["a"]) is None


def test_rows_of_other_settings_stay(tmp_path):
    other = {"num_samples": 20}
    QualityLog(tmp_path, SETTINGS).add(make_row(10, 3.0))
    QualityLog(tmp_path, other).add(make_row(10, 2.0, settings=other))
    assert read_steps(tmp_path) == [(10, 3.0), (10, 2.0)]
    assert QualityLog(tmp_path, SETTINGS).find_best("fid")["numbers"]["fid"] == 3.0


def test_a_new_generator_of_a_step_replaces_the_old_one(tmp_path):
    log = QualityLog(tmp_path, SETTINGS)
    log.add(make_row(10, 1.0))
    log.add(make_row(10, 3.0, generator="b"))
    assert read_steps(tmp_path) == [(10, 3.0)]
    assert log.find_best("fid")["generator"] == "b"


@pytest.mark.parametrize(
    ("name", "best"),
    [("kid", 20), ("frechet_distance[x]", 20), ("inception_score", 30),
     ("f_score[x]", 30), ("validation_log_likelihood", 30)],
)  # fmt: skip
def test_less_distance_is_better_and_more_score_is(name, best, tmp_path):
    log = QualityLog(tmp_path, SETTINGS)
    for step, value in ((10, 3.0), (20, 2.0), (30, 5.0)):
        assert log.is_best(name, value) == (step in (10, best))
        log.add(make_row(step, 0.0, **{name: value}))
    assert log.find_best(name)["step"] == best


def test_what_a_crash_left_of_a_line_is_left_out(tmp_path):
    whole = json.dumps(make_row(10, 3.0))
    (tmp_path / FILE).write_text(f'{whole}\n[1]\n{{"step": 20}}\n{whole[:30]}')
    log = QualityLog(tmp_path, SETTINGS)
    log.add(make_row(30, 4.0))
    assert read_steps(tmp_path) == [(10, 3.0), (30, 4.0)]


def test_a_distance_has_doubled_once_since_the_best(tmp_path):
    log = QualityLog(tmp_path, SETTINGS)
    told = []
    for step, value in enumerate([3.0, 5.9, 6.0, 8.0, 2.0, 3.9, 4.0], start=1):
        row = make_row(step, value, inception_score=10 / value)
        log.add(row)
        told.append(log.has_doubled("fid", row))
        assert not log.has_doubled("inception_score", row)
    assert told == [False, False, True, False, False, False, True]


def test_a_distance_of_less_than_nothing_has_no_double(tmp_path):
    log = QualityLog(tmp_path, SETTINGS)
    log.add(make_row(1, -0.1))
    log.add(make_row(2, 5.0))
    assert not log.has_doubled("fid", make_row(2, 5.0))
