import contextlib
import errno
import struct
import time

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
    reporter.log(4, wait_seconds=0.5, now=time.perf_counter())
    reporter.add({name: values[2:] for name, values in FINITE.items()})
    reporter.log(5, wait_seconds=0.75, now=time.perf_counter())
    first, second = run_dir.read_metrics(tmp_path)
    assert (first["step"], first["d_loss"], first["g_loss"]) == (4, 7 / 4, 19 / 4)
    assert (second["step"], second["d_loss"], second["g_loss"]) == (5, 3.0, 6.0)


def test_a_row_tells_the_wait_since_the_last(reporter, tmp_path):
    for step, waited in ((1, 0.5), (2, 0.75)):
        reporter.add({name: values[:1] for name, values in FINITE.items()})
        reporter.log(step, wait_seconds=waited, now=time.perf_counter())
    waits = [row["data_wait_seconds"] for row in run_dir.read_metrics(tmp_path)]
    assert waits == [0.5, 0.25]


def test_images_per_second_count_what_the_discriminator_saw(
    reporter, tmp_path, monkeypatch
):
    monkeypatch.setattr(reporter, "_last_time", 0.0)
    reporter.add(FINITE)
    reporter.log(3, wait_seconds=0.0, now=2.0)
    (row,) = run_dir.read_metrics(tmp_path)
    assert row["images_per_second"] == 3 * 16 / 2.0


def test_without_a_terminal_a_log_point_is_a_plain_line(reporter, capsys):
    reporter.add(FINITE)
    reporter.log(3, wait_seconds=0.0, now=time.perf_counter())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("step 3/6  d_loss 2.000  g_loss 5.000  images/s ")
    assert "left" in line


def test_the_time_left_follows_several_rows(tmp_path, capsys, monkeypatch):
    made = Reporter(tmp_path, step=0, num_steps=100, images_per_step=16)
    monkeypatch.setattr(made, "_last_time", 0.0)
    one = {name: values[:1] for name, values in FINITE.items()}
    with contextlib.closing(made) as reporter:
        for step, now in ((1, 50.0), (2, 51.0), (3, 57.0)):  # 50, 1 and 6 seconds
            reporter.add(one)
            reporter.log(step, wait_seconds=0.0, now=now)
    lines = capsys.readouterr().err.splitlines()
    assert "left" not in lines[0]
    assert lines[1].endswith("left 01:38")
    assert lines[2].endswith("left 03:14")  # 97 steps of 1 + 0.2 × 5 seconds


def test_a_grid_of_grey_images_is_a_grey_picture(reporter):
    from PIL import Image

    path = reporter.save_samples(3, np.zeros((12, 8, 8, 1), np.uint8))
    with Image.open(path) as picture:
        assert picture.mode == "L"
        assert picture.size == (29 * (10 * 8 + 9 * 2), 29 * (2 * 8 + 2))


def test_a_grid_has_the_dots_that_were_asked_for(tmp_path):
    from PIL import Image

    made = Reporter(tmp_path, step=0, num_steps=6, images_per_step=4, scale=3)
    with contextlib.closing(made) as reporter:
        path = reporter.save_samples(3, np.zeros((12, 8, 8, 1), np.uint8))
    with Image.open(path) as picture:
        assert picture.size == (3 * (10 * 8 + 9 * 2), 3 * (2 * 8 + 2))


def test_the_classes_of_a_grid_s_rows_are_listed_beside_it(reporter, tmp_path):
    reporter.save_classes(["cat", "red fox", "café", "caf\udce9", "a\nb"])
    path = reporter.save_samples(3, np.zeros((12, 8, 8, 1), np.uint8))
    listed = (path.parent / "classes.txt").read_text("utf-8")
    assert listed == "0 cat\n1 red fox\n2 café\n3 caf\\udce9\n4 a b\n"


def read_events(folder):
    from tensorboardX.proto.event_pb2 import Event

    for file in sorted(folder.iterdir()):
        content, place = file.read_bytes(), 0
        while place < len(content):
            (size,) = struct.unpack_from("<Q", content, place)
            yield Event.FromString(content[place + 12 : place + 12 + size])
            place += 12 + size + 4


def test_tensorboard_is_told_where_the_run_goes_on_then_numbers_and_grids(tmp_path):
    made = Reporter(tmp_path, step=4, num_steps=6, images_per_step=16)
    made.add(FINITE)
    made.log(5, wait_seconds=0.0, now=time.perf_counter())
    made.save_samples(5, np.zeros((4, 8, 8, 1), np.uint8))
    made.close()
    events = list(read_events(tmp_path / "tensorboard"))
    assert [event.step for event in events if event.HasField("session_log")] == [5]
    told = {value.tag: event for event in events for value in event.summary.value}
    assert told["d_loss"].step == 5
    assert told["d_loss"].summary.value[0].simple_value == 2.0
    assert told["samples"].summary.value[0].image.height == 8


@pytest.mark.parametrize(
    "fault", [OSError(errno.EROFS, "Read-only"), ValueError("backend: 'nonsense'")]
)
def test_what_cannot_be_written_is_warned_of_once_and_ends_nothing(
    reporter, tmp_path, monkeypatch, capsys, fault
):
    def fail(*arguments, **more):
        raise fault

    monkeypatch.setattr(reporting.curves, "save_curves", fail)
    monkeypatch.setattr(reporting.grid, "save_image", fail)
    monkeypatch.setattr(reporter._events, "_open", fail)
    for step in (1, 2):
        reporter.add({name: values[:1] for name, values in FINITE.items()})
        reporter.log(step, wait_seconds=0.0, now=time.perf_counter())
        reporter.save_samples(step, np.zeros((4, 8, 8, 1), np.uint8))
        reporter.save_curves()
    warnings = [
        line
        for line in capsys.readouterr().err.splitlines()
        if line.startswith("warning: ")
    ]
    assert len(warnings) == 3
    assert all(str(fault) in line for line in warnings)
    assert [row["step"] for row in run_dir.read_metrics(tmp_path)] == [1, 2]


def test_a_row_that_the_disk_does_not_take_leaves_those_before_it(small_disk, capsys):
    made = Reporter(small_disk, step=0, num_steps=6, images_per_step=16)
    one = {name: values[:1] for name, values in FINITE.items()}
    made.add(one)
    made.log(1, wait_seconds=0.0, now=time.perf_counter())
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    for step in range(2, 40):  # until the log's last block is full
        made.add(one)
        made.log(step, wait_seconds=0.0, now=time.perf_counter())
    assert "a row of the log cannot be written" in capsys.readouterr().err
    before = run_dir.read_metrics(small_disk)
    filler.unlink()
    made.add(one)
    made.log(40, wait_seconds=0.0, now=time.perf_counter())
    made.close()
    rows = run_dir.read_metrics(small_disk)
    assert rows[:-1] == before
    assert rows[-1]["step"] == 40
