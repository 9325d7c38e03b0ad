import numpy as np
import pytest

from dcgan_jax.runs import folder as run_dir
from dcgan_jax.train import reporter as reporting
from dcgan_jax.train.reporter import Reporter

FINITE = {"d_loss": np.array([1.0, 2.0, 3.0]), "g_loss": np.array([4.0, 5.0, 6.0])}


@pytest.fixture
def reporter(tmp_path):
    made = Reporter(tmp_path, step=0, num_steps=6, images_per_step=16)
    yield made
    made.close()


def test_a_row_holds_the_means_since_the_last(reporter, tmp_path):
    reporter.add(FINITE)
    reporter.add({name: values[:1] for name, values in FINITE.items()})
    reporter.log(4, wait_seconds=0.5)
    reporter.add({name: values[2:] for name, values in FINITE.items()})
    reporter.log(5, wait_seconds=0.75)
    first, second = run_dir.read_metrics(tmp_path)
    assert (first["step"], first["d_loss"], first["g_loss"]) == (4, 7 / 4, 19 / 4)
    assert (second["step"], second["d_loss"], second["g_loss"]) == (5, 3.0, 6.0)


def test_a_row_tells_the_wait_since_the_last(reporter, tmp_path):
    for step, waited in ((1, 0.5), (2, 0.75)):
        reporter.add({name: values[:1] for name, values in FINITE.items()})
        reporter.log(step, wait_seconds=waited)
    waits = [row["data_wait_seconds"] for row in run_dir.read_metrics(tmp_path)]
    assert waits == [0.5, 0.25]


def test_images_per_second_count_what_the_discriminator_saw(
    reporter, tmp_path, monkeypatch
):
    monkeypatch.setattr(reporter, "_last_time", 0.0)
    monkeypatch.setattr(reporting.time, "perf_counter", lambda: 2.0)
    reporter.add(FINITE)
    reporter.log(3, wait_seconds=0.0)
    (row,) = run_dir.read_metrics(tmp_path)
    assert row["images_per_second"] == 3 * 16 / 2.0


def test_without_a_terminal_a_log_point_is_a_plain_line(reporter, capsys):
    reporter.add(FINITE)
    reporter.log(3, wait_seconds=0.0)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("step 3/6  d_loss 2.000  g_loss 5.000  images/s ")
    assert "left" in line


def test_a_grid_of_grey_images_is_a_grey_picture(reporter):
    from PIL import Image

    path = reporter.save_samples(3, np.zeros((12, 8, 8, 1), np.uint8))
    with Image.open(path) as picture:
        assert picture.mode == "L"
        assert picture.size == (10 * 8 + 9 * 2, 2 * 8 + 2)
