import dataclasses
import errno
import subprocess

import numpy as np
import pytest

from dcgan_jax.data import store
from dcgan_jax.prepare import build
from dcgan_jax.system import disk, errors


def test_too_little_room_is_seen_beforehand(make_folder, make_config, monkeypatch):
    config = make_config(source=make_folder("1.png", "2.png"))
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: Free)
    with pytest.raises(errors.InputError, match=r"100 bytes free.* need 4\.7 kB"):
        build.prepare(config)


class Free:
    total, free = 1000, 100


def test_a_file_that_the_disk_will_not_take_is_one_line(start):
    process = start(1, max_file_bytes=50_000, stderr=subprocess.PIPE, text=True)
    last = process.communicate()[1].splitlines()[-1]
    assert "InputError: the disk of" in last


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of one MB, which only root may mount."""
    mount_point = tmp_path / "disk"
    mount_point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount_point]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield mount_point
    subprocess.run(["umount", mount_point], check=True)


def test_a_disk_that_fills_up_keeps_the_finished_part(many, tiny_disk, monkeypatch):
    monkeypatch.setattr(disk, "require_free", lambda *args, **kwargs: None)
    many = dataclasses.replace(many, data_dir=tiny_disk)
    npy = many.source.with_suffix(".npy")
    np.save(npy, np.load(many.source)["images"])
    config = dataclasses.replace(many, source=npy, num_workers=1)
    with pytest.raises(
        errors.InputError, match=r"is full .*run the same command again"
    ):
        build.prepare(config, rows_per_shard=100)
    path = store.store_path(config)
    assert not store.is_complete(path)
    finished = len(list(path.glob("images-*.npy")))
    assert 5 <= finished < 30
    assert list(path.glob("*.tmp")) == []
    subprocess.run(["mount", "-o", "remount,size=9m", tiny_disk], check=True)
    assert len(store.open_store(build.prepare(config, rows_per_shard=100))) == 3000


def test_an_error_of_another_kind_is_not_called_a_full_disk(
    make_folder, make_config, monkeypatch
):
    def fail(path, content):
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(disk, "write_whole", fail)
    with pytest.raises(OSError, match="the disk is broken"):
        build.prepare(make_config(source=make_folder("1.png")))
