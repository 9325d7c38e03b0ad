"""Disks that can less than others: each call that may be missing is made to fail."""

import errno
import fcntl
import os
import shutil
import stat

import numpy as np
import pytest

from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import disk, errors, locks, npy_file


def failing(number):
    def fail(*arguments, **more):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_everything_goes_on_with_one_warning(
    tmp_path, monkeypatch, number
):
    monkeypatch.setattr(fcntl, "flock", failing(number))
    monkeypatch.setattr(locks, "_warned", set())
    disk.write_whole(tmp_path / "a", b"content")
    with disk.replacing(tmp_path / "b") as partial:
        partial.write_bytes(b"other")
    with disk.exclusive(tmp_path / "lock"), disk.try_exclusive(tmp_path / "c") as held:
        assert held
    with run_dir.lock(tmp_path / "run"):
        pass
    assert (tmp_path / "a").read_bytes() == b"content"
    assert (tmp_path / "b").read_bytes() == b"other"
    assert len(locks._warned) == 1


def test_an_error_of_a_lock_that_means_another_thing_is_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", failing(errno.EIO))
    with (
        pytest.raises(OSError, match="Input/output"),
        disk.exclusive(tmp_path / "lock"),
    ):
        pass


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
def test_a_file_that_is_mounted_gets_its_content_by_a_copy(
    tmp_path, monkeypatch, number
):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    monkeypatch.setattr("pathlib.Path.replace", failing(number))
    disk.write_whole(path, b"new")
    with disk.replacing(path) as partial:
        partial.write_bytes(b"newer")
    assert path.read_bytes() == b"newer"
    assert os.listdir(tmp_path) == ["out.png"]


def test_a_folder_that_cannot_be_synced_is_none_of_the_user_s_business(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL))
    disk.write_whole(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


def test_a_disk_that_does_not_tell_its_room_is_taken_at_its_word(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", failing(errno.ENOSYS))
    disk.require_free(tmp_path, 1 << 60, purpose="the pictures")
    nothing = type("Usage", (), {"total": 0, "free": 0})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: nothing)
    disk.require_free(tmp_path, 1 << 60, purpose="the pictures")


def test_a_disk_that_tells_of_too_little_room_is_believed(tmp_path):
    with pytest.raises(errors.InputError, match="need"):
        disk.require_free(tmp_path, 1 << 60, purpose="the pictures")


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_that_cannot_be_mapped_is_read(tmp_path, monkeypatch, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), order=order)
    np.save(tmp_path / "a.npy", array)
    monkeypatch.setattr(np, "memmap", failing(errno.ENODEV))
    found = npy_file.map_file(tmp_path / "a.npy")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_a_link_is_followed_and_stays_one(tmp_path):
    (tmp_path / "there").mkdir()
    for name, write in (
        ("a", lambda path: disk.write_whole(path, b"x")),
        ("b", lambda path: write_replacing(path, b"x")),
    ):
        (tmp_path / name).symlink_to(tmp_path / "there" / name)  # dangling at first
        for _ in range(2):
            write(tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "there" / name).read_bytes() == b"x"


def test_a_file_has_the_mode_that_the_user_s_umask_asks_for(tmp_path):
    before = os.umask(0o027)
    try:
        with disk.replacing(tmp_path / "a") as partial:
            partial.unlink()  # as libraries do that write by a name of their own
            partial.touch(0o600)
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    finally:
        os.umask(before)


def write_replacing(path, content):
    with disk.replacing(path) as partial:
        partial.write_bytes(content)
