import concurrent.futures

import pytest

from dcgan_jax.system import disk


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
