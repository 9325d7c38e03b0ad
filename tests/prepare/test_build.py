import dataclasses
import hashlib
import io
import json
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.data import store, transforms
from dcgan_jax.prepare import build, decode
from dcgan_jax.prepare.sources import folder
from dcgan_jax.system import disk, errors


def hashes(path) -> dict[str, str]:
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def nothing_is_left(config) -> bool:
    return not config.data_dir.exists() or list(config.data_dir.iterdir()) == []


def test_images_of_all_sizes_and_modes_become_one(tmp_path, make_config, noise, encode):
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "large.jpg").write_bytes(encode(noise(0, 90, 200), "JPEG"))
    (root / "grey.png").write_bytes(encode(noise(1, 40, 30)[..., 0]))
    (root / "deep.png").write_bytes(encode(np.full((30, 30), 65535, np.uint16)))
    rows = store.open_store(build.prepare(make_config(source=root)))
    images = rows.rows(np.arange(len(rows))).images
    assert images.shape == (3, 28, 28, 3)
    assert (images == 255).all((1, 2, 3)).sum() == 1


def test_a_finished_store_is_not_read_again(make_folder, make_config, monkeypatch):
    config = make_config(source=make_folder("1.png", "2.png"))
    path = build.prepare(config)
    before = hashes(path)
    monkeypatch.setattr(folder.FolderSource, "__getitem__", None)
    assert build.prepare(config) == path
    assert hashes(path) == before


def test_a_finished_store_does_without_its_source(make_folder, make_config):
    root = make_folder("1.png", "2.png")
    path = build.prepare(make_config(source=root))
    root.rename(root.with_name("gone"))
    assert build.prepare(make_config(source=root)) == path


def test_a_source_that_has_changed_is_refused(make_folder, make_config):
    config = make_config(source=make_folder("1.png", "2.png"))
    build.prepare(config)
    make_folder("1.png", "2.png", "3.png")
    with pytest.raises(errors.InputError, match="has changed since"):
        build.prepare(config)


def test_workers_and_one_process_give_the_same_bytes(many):
    alone = dataclasses.replace(many, data_dir=many.data_dir / "1", num_workers=1)
    pooled = dataclasses.replace(many, data_dir=many.data_dir / "2", num_workers=2)
    found = [
        hashes(build.prepare(config, rows_per_shard=1000)) for config in (alone, pooled)
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 3 * 2 + 1


def wait_for_shard(process, path, number: int) -> None:
    deadline = time.monotonic() + 60
    while not (path / "unfinished" / f"shard-{number:05}.json").exists():
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_killed_prepare_goes_on_and_gives_the_same_bytes(num_workers, start, many):
    path = store.store_path(many)
    for number in (2, 9):  # killed twice, later the second time
        process = start(num_workers)
        wait_for_shard(process, path, number)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not store.is_complete(path)
    kept = {
        f: (path / f).stat().st_mtime_ns for f in hashes(path) if f.endswith(".npy")
    }
    assert 10 <= len(kept) // 2 < 30
    # The shard that was under way may lack its note and is then written again.
    finished = len(list((path / "unfinished").glob("shard-*.json")))
    build.prepare(many, rows_per_shard=100)
    again = {f: (path / f).stat().st_mtime_ns for f in kept}
    assert sum(kept[f] == again[f] for f in kept) >= 2 * finished
    whole = dataclasses.replace(many, data_dir=many.data_dir / "whole")
    assert hashes(path) == hashes(build.prepare(whole, rows_per_shard=100))


def test_workers_end_when_their_parent_is_killed(start, many):
    process = start(2)
    wait_for_shard(process, store.store_path(many), 1)
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)],
        capture_output=True,
        check=False,
    )
    children = [int(pid) for pid in found.stdout.split()]
    assert len(children) >= 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_source_that_changes_after_a_kill_starts_afresh(
    start, many, tmp_path, capsys
):
    path = store.store_path(many)
    process = start(1)
    wait_for_shard(process, path, 2)
    process.kill()
    process.wait()
    np.savez(tmp_path / "x.npz", images=np.zeros((120, 28, 28), np.uint8))
    rows = store.open_store(build.prepare(many, rows_per_shard=100))
    assert "starting afresh" in capsys.readouterr().err
    assert len(rows) == 120
    assert not rows.labelled
    assert len(list(path.glob("*.npy"))) == 2


def test_two_at_once_do_not_mix(start, many):
    processes = [start(1), start(1)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(store.open_store(store.store_path(many))) == 3000
    assert [p.name for p in many.data_dir.rglob("*.lock")] == []


def test_the_second_waits_for_the_lock(make_folder, make_config, capsys):
    config = make_config(source=make_folder("1.png", "2.png"))
    path = store.store_path(config)
    with disk.exclusive(path.with_name(path.name + ".lock")):
        second = threading.Thread(target=build.prepare, args=[config])
        second.start()
        time.sleep(0.2)
        assert not store.is_complete(path)
    second.join()
    assert store.is_complete(path)
    assert "waiting for another process" in capsys.readouterr().err


def break_files(root, count: int) -> None:
    for file in sorted(root.iterdir())[:count]:
        file.write_bytes(file.read_bytes()[:500])


def test_a_few_broken_images_are_left_out_and_listed(make_folder, make_config, capsys):
    root = make_folder(*[f"{i:03}.png" for i in range(200)])
    break_files(root, 2)
    path = build.prepare(make_config(source=root), rows_per_shard=50)
    assert len(store.open_store(path)) == 198
    left_out = json.loads((path / "manifest.json").read_text())["left_out"]
    assert sorted(name for name, _ in left_out) == ["000.png", "001.png"]
    assert all("truncated" in reason for _, reason in left_out)
    assert "left out 2 broken images" in capsys.readouterr().err


def test_more_than_one_percent_broken_is_an_error_and_leaves_a_list_alone(
    make_folder, make_config
):
    root = make_folder(*[f"{i:03}.png" for i in range(200)])
    break_files(root, 3)
    config = make_config(source=root)
    with pytest.raises(
        errors.InputError, match=r"3 of 200 .*more than 1%: 00.*truncat.*=0\.02$"
    ):
        build.prepare(config, rows_per_shard=50)
    (left,) = (config.data_dir / "folder").iterdir()
    names = [line.split("\t")[0] for line in left.read_text().splitlines()]
    assert sorted(names) == ["000.png", "001.png", "002.png"]
    path = build.prepare(dataclasses.replace(config, max_broken=0.02))
    assert len(store.open_store(path)) == 197
    assert not left.exists()


def test_a_small_image_is_named_and_upscaling_offered(make_folder, make_config):
    root = make_folder("a.png", "b.png")
    make_folder("small.png", size=20)
    with pytest.raises(errors.InputError, match=r"small\.png has 20×20.*--upscale"):
        build.prepare(make_config(source=root))
    path = build.prepare(make_config(source=root, upscale=True))
    assert len(store.open_store(path)) == 3


def test_a_source_without_images_leaves_nothing(tmp_path, make_config):
    (tmp_path / "empty").mkdir()
    config = make_config(source=tmp_path / "empty")
    with pytest.raises(errors.InputError, match="holds no images"):
        build.prepare(config)
    assert nothing_is_left(config)


class Poisoned:
    """A source that kills the process that reads it."""

    fingerprint, class_names = "", None

    def __len__(self):
        return 100

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)

    def close(self):
        pass


class PoisonedSending(Poisoned):
    """A source that kills the process that reads it halfway through its answer."""

    def __getitem__(self, index):
        def send_half(connection, content, write=os.write):
            write(connection.fileno(), content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

        multiprocessing.connection.Connection._send = send_half
        content = io.BytesIO()
        Image.fromarray(np.zeros((28, 28), np.uint8)).save(content, "PNG")
        return f"image {index}", content.getvalue(), None


@pytest.mark.parametrize("source", [Poisoned(), PoisonedSending()], ids=type)
def test_a_killed_worker_is_one_line(source):
    works = decode.split_work(np.arange(100))
    decoded = decode.decode_all(
        source, transforms.Transform(28, 1, False), works, num_workers=2
    )
    with pytest.raises(errors.InputError, match="a worker process was killed"):
        next(decoded)


def test_no_jax_and_no_tensorflow_are_imported_by_the_data_modules():
    code = (
        "import sys; from dcgan_jax.data import store, batches;"
        "from dcgan_jax.prepare import build, decode;"
        "heavy = {'jax', 'flax', 'tensorflow', 'tensorflow_datasets', 'sklearn'};"
        "found = heavy & set(sys.modules); sys.exit(str(found) if found else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
