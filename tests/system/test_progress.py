import pytest

from dcgan_jax.system import progress


def test_without_a_terminal_a_plain_line_tells_rate_and_time_left(capsys, monkeypatch):
    clock = iter([0.0, 5.0, 20.0, 20.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.track("preparing x", 1500, unit="images", done=500) as advance:
        advance(1)  # after 5 s: too soon for a line
        advance(399)  # after 20 s: 400 images, 20 a second, 600 left
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "preparing x: 900 of 1,500 images, 20 images/s, 30 s left"


@pytest.mark.parametrize(
    ("rate", "unit", "told"),
    [
        (1234.0, "images", "1,234 images/s"),
        (10.0, "images", "10 images/s"),
        (9.0, "draws", "0.11 s each"),
        (0.4, "fits", "2.5 s each"),
        (0.1, "fits", "10 s each"),
        (1 / 1234, "fits", "1,234 s each"),
        (0.0, "fits", "?"),
        (5e7, "B", "50 MB/s"),
        (3e5, "B", "300 kB/s"),
    ],
)
def test_below_ten_a_second_the_time_of_each_is_told(rate, unit, told):
    assert progress.tell_rate(rate, unit) == told


@pytest.mark.parametrize(("done", "told"), [(4, "2 s each"), (400, "50 fits/s")])
def test_the_bar_tells_the_rate_as_the_lines_do(done, told, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.track("x", 1000, unit="fits") as advance:
        bar = advance.__closure__[0].cell_contents
        bar.n, bar.start_t = done, bar.start_t - 8
        assert f", {told}]" in str(bar)
    assert ", ?]" in capsys.readouterr().err  # before the first


def test_before_the_first_nobody_knows_the_time_left(capsys, monkeypatch):
    clock = iter([0.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.track("choosing C", 7, unit="fits"):
        pass
    assert capsys.readouterr().err == "choosing C: 0 of 7 fits, ?, ? s left\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_invisible_job_says_nothing(is_terminal, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    with progress.track("x", 10, unit="images", visible=False) as advance:
        advance(10)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.track("preparing x", 10, unit="images") as advance:
        advance(10)
    assert "preparing x: 100%" in capsys.readouterr().err
