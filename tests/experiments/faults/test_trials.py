import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import results
from experiments.faults import processes, trials

# Tests of the faults themselves lie beside what they break: test_loop.py,
# test_checkpoints.py, data/test_preparation.py, data/test_full_disk.py and others.


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    return trials.Context(tmp_path / "work", seed=3, scale=1.0)


def read_numbers():
    return json.loads((results.FOLDER / "reliability.json").read_text())["numbers"]


def survive(chance, folder, outcome):
    del chance, folder
    outcome.tried += 2
    outcome.counts["hit"] += 1
    outcome.note_most("most", outcome.tried)


def lose(chance, folder, outcome):
    survive(chance, folder, outcome)
    outcome.expect(False, "it is gone")


def run(context, fault, trial, until=5):
    return trials.run(context, fault, trial, until=until, protocol="by hand")


def test_trials_are_made_until_enough_faults_were_and_are_summed(context):
    assert run(context, "one", survive)
    entry = read_numbers()["one"]
    assert (entry["tried"], entry["survived"], entry["lost"]) == (6, 6, 0)
    assert (entry["hit"], entry["most"]) == (3, 2)
    assert (entry["protocol"], entry["seed"]) == ("by hand", 3)


def test_what_was_lost_is_counted_named_and_kept(context):
    assert not run(context, "one", lose)
    entry = read_numbers()["one"]
    assert (entry["tried"], entry["survived"], entry["lost"]) == (6, 3, 3)
    assert entry["problems"] == ["it is gone"] * 3
    assert (context.folder / "one-0").is_dir()


def test_entries_of_other_faults_stay(context):
    run(context, "one", survive)
    run(context, "two", lose)
    run(context, "one", survive)
    assert {name: entry["lost"] for name, entry in read_numbers().items()} == {
        "one": 0,
        "two": 3,
    }


def test_a_part_that_was_stopped_goes_on_where_it_was(context):
    def stop_at_the_third(chance, folder, outcome):
        if folder.name == "one-2":
            raise KeyboardInterrupt
        survive(chance, folder, outcome)

    with pytest.raises(KeyboardInterrupt):
        run(context, "one", stop_at_the_third)
    made = []
    assert run(context, "one", lambda c, f, o: made.append(f.name) or survive(c, f, o))
    assert made == ["one-2"]


def test_trials_of_another_seed_do_not_count(context):
    run(context, "one", survive)
    assert not run(context._replace(seed=4), "one", lose)
    assert read_numbers()["one"]["lost"] == 3


def test_chances_follow_from_seed_and_number(context, tmp_path):
    drawn = []

    def draw(chance, folder, outcome):
        drawn.append(chance.random())
        outcome.tried += 1

    run(context, "one", draw, until=2)
    run(context._replace(folder=tmp_path / "again"), "one", draw, until=2)
    assert drawn[:2] == drawn[2:]
    assert len(set(drawn)) == 2


def test_a_slow_disk_delays_syncs_and_renames_alone(tmp_path):
    (tmp_path / "saver.py").write_text(
        "import os, sys, time\n"
        "begin = time.monotonic()\n"
        "open('a', 'w').close()\n"
        "fast = time.monotonic() - begin\n"
        "os.rename('a', 'b')\n"
        "slow = time.monotonic() - begin\n"
        "sys.exit(0 if fast < 0.2 <= slow and sys.argv[1:] == ['x'] else 1)\n"
    )
    command = [sys.executable, processes.SLOW_DISK, "0.1", "saver", "x"]
    path = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, cwd=tmp_path, env=path, check=False)
    assert ended.returncode == 0
    assert (tmp_path / "b").is_file()


def test_every_part_can_be_run_alone():
    script = Path(results.__file__).parent / "faults" / "reliability.py"
    told = subprocess.run(
        [sys.executable, script, "--help"], capture_output=True, text=True, check=True
    )
    modules = {path.stem for path in script.parent.glob("*.py")}
    parts = told.stdout.split("--part {")[1].split("}")[0].split(",")
    assert set(parts) <= modules
