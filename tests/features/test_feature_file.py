import concurrent.futures
import json
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from dcgan_jax.features import feature_file
from dcgan_jax.features.feature_file import Shape
from dcgan_jax.system import errors

IDENTITY = {"images": "abc", "weights": "def"}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(feature_file, "ROWS_PER_BLOCK", 10)
    monkeypatch.setattr(feature_file, "BATCH", 4)


def rows(start, stop):
    return np.arange(start * 3, stop * 3, dtype=np.float32).reshape(-1, 3)


def make(folder, produce=rows, identity=IDENTITY, dtype="float32", num_rows=25):
    shape = Shape(num_rows, 3, dtype)
    return feature_file.make(folder, produce, shape, identity=identity)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("num_rows", [1, 10, 25])
def test_the_file_holds_every_row_in_order(tmp_path, dtype, num_rows):
    features = make(tmp_path / "f", dtype=dtype, num_rows=num_rows)
    assert features.dtype == dtype
    np.testing.assert_array_equal(features, rows(0, num_rows))


def test_it_is_a_plain_npy_file_of_aligned_rows(tmp_path):
    make(tmp_path / "f")
    np.testing.assert_array_equal(np.load(tmp_path / "f/features.npy"), rows(0, 25))
    size = (tmp_path / "f/features.npy").stat().st_size
    assert (size - 25 * 3 * 4) % 64 == 0


def test_what_is_there_is_not_computed_again(tmp_path):
    make(tmp_path / "f")

    def fail(start, stop):
        raise AssertionError

    np.testing.assert_array_equal(make(tmp_path / "f", fail), rows(0, 25))


@pytest.mark.parametrize("stop_at", [0, 3, 10, 17, 24])
def test_a_stopped_extraction_goes_on_at_the_last_whole_block(tmp_path, stop_at):
    def stop_there(start, stop):
        if start <= stop_at < stop:
            raise KeyboardInterrupt
        return rows(start, stop)

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "f", stop_there)
    asked = []

    def remember(start, stop):
        asked.append(start)
        return rows(start, stop)

    np.testing.assert_array_equal(make(tmp_path / "f", remember), rows(0, 25))
    assert min(asked) == stop_at // 10 * 10


def test_a_second_extraction_waits_and_finds_the_first_ones_rows(tmp_path, capsys):
    begun, may_end = threading.Event(), threading.Event()

    def produce(start, stop):
        begun.set()
        assert may_end.wait(60)
        return rows(start, stop)

    def fail(start, stop):
        raise AssertionError

    with concurrent.futures.ThreadPoolExecutor() as threads:
        first = threads.submit(make, tmp_path / "f", produce)
        assert begun.wait(60)
        second = threads.submit(make, tmp_path / "f", fail)
        with pytest.raises(TimeoutError):
            second.result(0.2)
        may_end.set()
        np.testing.assert_array_equal(first.result(60), rows(0, 25))
        np.testing.assert_array_equal(second.result(60), rows(0, 25))
    assert "waiting for another process" in capsys.readouterr().err


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    code = (
        "import os, pathlib, signal, sys; from dcgan_jax.system import disk\n"
        "with disk.exclusive(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    lock = tmp_path / "f.lock"
    subprocess.run([sys.executable, "-c", code, lock], check=False)
    assert lock.exists()
    np.testing.assert_array_equal(make(tmp_path / "f"), rows(0, 25))
    assert not lock.exists()


def test_never_more_than_a_batch_is_asked_for(tmp_path):
    def check(start, stop):
        assert stop - start <= 4
        return rows(start, stop)

    make(tmp_path / "f", check)


def test_blocks_of_another_extraction_are_not_continued(tmp_path):
    def fail_late(start, stop):
        if start >= 12:
            raise KeyboardInterrupt
        return rows(start, stop) + 1

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "f", fail_late, identity={**IDENTITY, "weights": "other"})
    np.testing.assert_array_equal(make(tmp_path / "f"), rows(0, 25))


def test_features_of_another_model_are_refused_by_name(tmp_path):
    make(tmp_path / "f")
    with pytest.raises(errors.InputError, match="weights is 'def', expected 'ghi'"):
        make(tmp_path / "f", identity={**IDENTITY, "weights": "ghi"})


def flip_a_bit(folder):
    file = folder / "features.npy"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


def cut(folder):
    file = folder / "features.npy"
    file.write_bytes(file.read_bytes()[:-10])


def remove(folder):
    (folder / "features.npy").unlink()


def garble(folder):
    (folder / "manifest.json").write_text("{")


def other_shape(folder):
    np.save(folder / "features.npy", rows(0, 24))


def harm_the_header(folder):
    file = folder / "features.npy"
    content = bytearray(file.read_bytes())
    content[79] ^= 1  # numpy then raises what its tokenizer does
    file.write_bytes(content)


@pytest.mark.parametrize(
    "damage", [flip_a_bit, cut, remove, garble, other_shape, harm_the_header]
)
def test_damage_is_told_with_the_file_and_what_to_do(tmp_path, damage):
    make(tmp_path / "f")
    damage(tmp_path / "f")
    with pytest.raises(errors.InputError, match="delete the folder") as error:
        make(tmp_path / "f")
    assert str(tmp_path / "f") in str(error.value)


def test_a_finished_file_leaves_no_notes(tmp_path):
    make(tmp_path / "f")
    names = {path.name for path in (tmp_path / "f").iterdir()}
    assert names == {"features.npy", "manifest.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_disk_without_room_is_told_before_anything_is_extracted(
    tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(errors.InputError, match="the features need"):
        make(tmp_path / "f")


def test_the_manifest_says_what_the_features_are_of(tmp_path):
    make(tmp_path / "f")
    manifest = json.loads((tmp_path / "f/manifest.json").read_text())
    assert manifest["identity"] == IDENTITY
    assert manifest["shape"] == [25, 3, "float32"]


@pytest.mark.parametrize(
    "note",
    ['{"a":' * 10**5, "[]", "{", b"\xff", {"blocks": 3}, {"blocks": ["x"] * 99},
     {"blocks": ["x"] * 3}],
)  # fmt: skip
def test_a_damaged_note_costs_the_work_that_it_tells_of(note, tmp_path):
    def stop_at_once(start, stop):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "f", stop_at_once)
    file = tmp_path / "f/unfinished.json"
    if isinstance(note, dict):
        about = {"version": 1, "identity": IDENTITY, "shape": [25, 3, "float32"]}
        note = json.dumps({**about, **note})
    file.write_bytes(note if isinstance(note, bytes) else note.encode())
    np.testing.assert_array_equal(make(tmp_path / "f"), rows(0, 25))


@pytest.mark.parametrize("text", ['{"a":' * 10**5, '{"identity": 3}', "null"])
def test_a_hostile_manifest_is_one_error(text, tmp_path):
    make(tmp_path / "f")
    (tmp_path / "f/manifest.json").write_text(text)
    with pytest.raises(errors.InputError, match="delete the folder"):
        make(tmp_path / "f")


def test_a_manifest_without_checksums_is_one_error(tmp_path):
    make(tmp_path / "f")
    (tmp_path / "f/manifest.json").write_text(json.dumps({"identity": IDENTITY}))
    with pytest.raises(errors.InputError, match="its sha256 is not the manifest's"):
        make(tmp_path / "f")
