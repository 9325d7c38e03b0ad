from dcgan_jax import disk


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
