"""A training that a page starts."""

import time

import pytest

from dcgan_jax.explore import starting
from dcgan_jax.system import errors


@pytest.mark.parametrize(
    ("host", "share", "read_only", "allowed"),
    [("127.0.0.1", False, False, True), ("localhost", False, False, True),
     ("0.0.0.0", False, False, False), ("127.0.0.1", True, False, False),
     ("127.0.0.1", False, True, False), ("192.0.2.1", False, False, False)],
)  # fmt: skip
def test_only_a_page_of_this_machine_alone_starts_one(host, share, read_only, allowed):
    found = starting.is_allowed(host=host, share=share, read_only=read_only)
    assert found == allowed


def test_flags_that_cannot_be_read_start_nothing(tmp_path):
    training = starting.Training()
    with pytest.raises(errors.InputError, match="image_size"):
        training.start(["--dataset=folder", "--image_size=x"], tmp_path / "run")
    assert not training.is_running
    assert not (tmp_path / "run").exists()


def test_what_the_process_says_and_how_it_ended_is_told(tmp_path):
    training = starting.Training()
    training.start(
        ["--dataset=folder", f"--source={tmp_path / 'none'}"], tmp_path / "r"
    )
    with pytest.raises(errors.InputError, match="goes on already"):
        training.start(["--dataset=digits"], tmp_path / "other")
    end = time.monotonic() + 120
    while training.is_running and time.monotonic() < end:
        time.sleep(0.1)
    assert "exit code 2" in training.describe()
    assert "none" in training.read()
    training.close()


def test_dropped_pictures_are_copied_beside_the_run(tmp_path):
    for name in ("a.png", "b.JPG"):
        (tmp_path / name).write_text(name)
    files = [str(tmp_path / name) for name in ("a.png", "b.JPG")]
    folder = starting.gather(files, tmp_path / "runs" / "mine")
    assert folder == tmp_path / "runs" / "mine-pictures"
    found = {path.name: path.read_text() for path in folder.iterdir()}
    assert found == {"000000.png": "a.png", "000001.jpg": "b.JPG"}
    assert starting.gather(files, tmp_path / "runs" / "mine") == folder
    with pytest.raises(errors.InputError, match="mine-pictures holds other pictures"):
        starting.gather(files[:1], tmp_path / "runs" / "mine")
