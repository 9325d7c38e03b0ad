import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dcgan_jax.data import store
from dcgan_jax.prepare import workers


def double(item):
    if item == "raise":
        raise KeyError("no such thing")
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.001 * (item % 3))  # later ones overtake
    return os.getpid(), 2 * item


def call(items, num_ahead=3):
    return workers.map_in_order(double, items, num_workers=2, num_ahead=num_ahead)


def test_answers_come_in_order_and_from_all_processes():
    answers = list(call(range(60)))
    assert [answer for _, answer in answers] == list(range(0, 120, 2))
    pids = {pid for pid, _ in answers}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_only_as_many_items_are_taken_as_are_asked_for():
    taken = []

    def items():
        for item in range(20):
            taken.append(item)
            yield item

    answers = call(items(), num_ahead=3)
    next(answers)
    assert taken == [0, 1, 2, 3]
    answers.close()


def test_an_error_keeps_its_type_and_tells_where_it_was_raised():
    with pytest.raises(KeyError, match="no such thing") as caught:
        list(call([1, "raise", 2]))
    assert "in double" in caught.value.__notes__[0]


def test_a_process_that_is_killed_is_an_error():
    answers = call([1, "die", *range(9)])
    with pytest.raises(workers.WorkerKilledError):
        list(answers)


def test_no_process_outlives_an_early_end():
    answers = call(range(60))
    pid, _ = next(answers)
    answers.close()
    assert not os.path.exists(f"/proc/{pid}")


UNGUARDED = """
import sys
from pathlib import Path
from dcgan_jax.config import DataConfig
from dcgan_jax.prepare import build

config = DataConfig(
    dataset="arrays", source=Path(sys.argv[1]), image_size=28, channels=1,
    data_dir=Path(sys.argv[2]), num_workers=2,
)
print(build.prepare(config))
"""


def test_a_script_without_a_guard_of_main_prepares(many, tmp_path):
    """In a child that ran it again, it would wait for the lock of its parent."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    ended = subprocess.run(
        [sys.executable, script, many.source, many.data_dir],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "waiting" not in ended.stderr
    (path,) = ended.stdout.splitlines()
    assert len(store.open_store(Path(path))) == 3000
