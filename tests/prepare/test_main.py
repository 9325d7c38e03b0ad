"""The command line of `prepare`, each test in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def start(tmp_path):
    """Start `python -m dcgan_jax.prepare` in the test's folder."""

    def run(*flags: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "dcgan_jax.prepare", *flags],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return run


@pytest.fixture
def run(start):
    """Run it to its end; return the exit code, stdout and stderr."""

    def to_the_end(*flags: str) -> tuple[int, str, str]:
        process = start(*flags)
        stdout, stderr = process.communicate(timeout=120)
        return process.returncode, stdout, stderr

    return to_the_end


@pytest.fixture
def pictures(tmp_path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 32, 3), np.uint8)
    (tmp_path / "pictures").mkdir()
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path / "pictures"


FOLDER = ("--dataset=folder", "--source=pictures", "--image_size=32")


def assert_one_line_error(result: tuple[int, str, str], *parts: str) -> None:
    code, _, stderr = result
    lines = stderr.splitlines()
    assert code == 2
    assert len(lines) == 1
    for part in parts:
        assert part in lines[0]


def test_a_folder_is_prepared_and_the_store_is_named(run, pictures, tmp_path):
    code, stdout, _ = run(*FOLDER)
    assert code == 0
    path, _, count = stdout.strip().partition(": ")
    assert count == "3 images"
    assert np.load(tmp_path / path / "images-00000.npy").shape == (3, 32, 32, 3)


def test_verify_hashes_what_is_there(run, pictures, tmp_path):
    path = run(*FOLDER)[1].partition(": ")[0]
    assert run(*FOLDER, "--verify")[:2] == (0, f"{path}: 3 images, all checked\n")
    shard = tmp_path / path / "images-00000.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    assert_one_line_error(run(*FOLDER, "--verify"), "images-00000.npy", "is damaged")


def test_a_missing_source_is_one_line_and_leaves_nothing(run, tmp_path):
    assert_one_line_error(run(*FOLDER), "--source=pictures is not there")
    assert list(tmp_path.iterdir()) == []


def test_own_images_without_a_source_are_one_line(run, tmp_path):
    assert_one_line_error(run("--dataset=arrays"), "needs --source=PATH")
    assert not (tmp_path / "data").exists()


def test_broken_images_are_one_line_and_leave_a_list_alone(run, pictures, tmp_path):
    (pictures / "1.png").write_bytes(b"\x89PNG")
    result = run(*FOLDER)
    assert "1.png" in result[2]
    assert result[0] == 2
    (left,) = (tmp_path / "data" / "folder").iterdir()
    assert str(left.relative_to(tmp_path)) in result[2]
    assert left.read_text().startswith("1.png\t")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_a_stop_is_clean_and_the_same_command_goes_on(
    number, code, start, run, tmp_path
):
    pixels = np.random.default_rng(0).integers(0, 256, (40_000, 48, 48), np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    flags = ("--dataset=arrays", "--source=x.npy", "--image_size=28", "--channels=1")
    process = start(*flags)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("data/arrays/*/unfinished/shard-*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, number)  # as a terminal sends Ctrl-C to the whole group
    stderr = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert stderr.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in stderr
    kept = list(tmp_path.glob("data/arrays/*/images-*.npy"))
    assert 1 <= len(kept) < 10
    assert run(*flags)[1].endswith(": 40,000 images\n")


def test_too_few_images_to_deduplicate_are_one_line(run, pictures):
    assert run(*FOLDER)[0] == 0
    assert_one_line_error(run(*FOLDER, "--dedup"), "holds 3 images")


def test_faces_are_counted_and_their_folder_is_named(run, tmp_path):
    (tmp_path / "photos").mkdir()
    portrait = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    shutil.copy(portrait, tmp_path / "photos")
    code, stdout, _ = run("--faces", "--source=photos", "--out=faces")
    assert code == 0
    assert stdout == (
        "faces: 1 faces in 1 photographs, 0 without a face, 0 with several;"
        " train with --dataset=folder --source=faces\n"
    )


def test_photographs_without_a_face_are_one_line(run, pictures):
    assert_error_ends_with(run("--faces", "--source=pictures"), "--min_face_size")


def assert_error_ends_with(result: tuple[int, str, str], part: str) -> None:
    """Progress may come before it."""
    assert result[0] == 2
    assert "Traceback" not in result[2]
    last = result[2].splitlines()[-1]
    assert last.startswith("error: ")
    assert last.endswith(part)


def test_flags_of_a_store_are_none_of_faces(run):
    assert_one_line_error(
        run("--faces", "--source=pictures", "--image_size=64"), "--image_size"
    )
