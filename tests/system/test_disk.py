import concurrent.futures

import pytest

from dcgan_jax.system import disk, errors


def test_a_lock_that_is_free_is_taken_and_left_without_a_trace(tmp_path):
    path = tmp_path / "folder" / "lock"
    with disk.try_exclusive(path) as held:
        assert held
        assert path.exists()
    assert not path.exists()


def test_a_lock_in_use_is_not_waited_for_and_stays_with_its_holder(tmp_path):
    path = tmp_path / "lock"
    with disk.exclusive(path):
        with disk.try_exclusive(path) as held:
            assert not held
        assert path.exists()
        with disk.try_exclusive(path) as held:
            assert not held


def test_a_lock_is_free_after_its_holder_failed(tmp_path):
    path = tmp_path / "lock"
    try:
        with disk.try_exclusive(path):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with disk.try_exclusive(path) as held:
        assert held


def write_bytes(path, content):
    with disk.replacing(path) as partial:
        partial.write_bytes(content)


@pytest.mark.parametrize("write", [disk.write_whole, write_bytes])
def test_two_writers_of_a_file_do_not_mix(write, tmp_path):
    path = tmp_path / "result.json"
    contents = [letter * 300_000 for letter in (b"a", b"b")]

    def write_often(content):
        for _ in range(50):
            write(path, content)
            assert path.read_bytes() in contents

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        list(threads.map(write_often, contents))
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_what_a_killed_writer_left_is_no_part_of_the_next_file(tmp_path):
    path = tmp_path / "result.json"
    (tmp_path / "result.json.tmp").write_bytes(b"half of something longer")
    (tmp_path / ".result.partial.json").write_bytes(b"half of something longer")
    disk.write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"
    write_bytes(path, b"also")
    assert path.read_bytes() == b"also"
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def make_odd_places(folder):
    (folder / "file").write_bytes(b"")
    (folder / "d.png").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "dangling.png").symlink_to("nowhere/x.png")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("file/x.png", "is a file, not a folder"),
        ("file/a/b/x.png", "is a file, not a folder"),
        ("d.png", "it is a folder"),
        ("loop", "Too many levels"),
        ("loop/x.png", "Too many levels"),
        ("dangling.png", "leads to a folder that is not there"),
        ("a" * 300 + "/x.png", "File name too long"),
        ("a" * 250 + ".png", "name is too long"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, name, problem):
    make_odd_places(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(errors.InputError, match=problem):
        disk.require_writable(tmp_path / name, name="--out")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["new.png", "a/b/new.png", "file", "link", "."])
def test_what_can_be_written_is_taken_and_not_made(tmp_path, name):
    make_odd_places(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "d.png")
    before = sorted(tmp_path.iterdir())
    disk.require_writable(tmp_path / name, name="--out")
    assert sorted(tmp_path.iterdir()) == before


def test_a_disk_that_is_read_only_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(errors.InputError, match="nothing can be written to"):
        disk.require_writable(tmp_path / "x.png", name="--out")
