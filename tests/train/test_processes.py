"""Runs of several processes on one machine, joined by JAX's own runtime."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest

from dcgan_jax import cli
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.train import loop

NUM_STEPS = 20
# Far beyond need, so that nothing hangs for good.
TIMEOUT_SECONDS = 900


@pytest.fixture(scope="module")
def make_own(make_flags):
    """Return the flags of a conditional run, whose dense layers compile fast.

    Its rate does not depend on its length, so that it may go on beyond it.
    """
    return lambda *more: make_flags("mnist_mlp", "--adam.decay_fraction=0", *more)


def find_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def by_hand(count):
    """Return what makes processes one run, for each: its flags and variables."""
    port = find_port()
    for number in range(count):
        yield [
            f"--coordinator_address=127.0.0.1:{port}",
            f"--num_processes={count}", f"--process_id={number}",
        ], {}  # fmt: skip


def by_slurm(count):
    """Do so as a job of SLURM does."""
    job = str(random.randrange(1 << 20))  # the port follows from it
    for number in range(count):
        yield (
            ["--distributed"],
            {
                "SLURM_JOB_ID": job,
                "SLURM_STEP_NODELIST": "localhost",
                "SLURM_STEP_NUM_NODES": "1",
                "SLURM_NTASKS": str(count),
                "SLURM_PROCID": str(number),
                "SLURM_LOCALID": str(number),
            },
        )


@contextlib.contextmanager
def started(flags, count, *, each=lambda process_id: [], join=by_hand):
    """Start the processes of a run; at the end none of them is left.

    Args:
        flags: of all.
        count: number of processes.
        each: more flags of one of them.
        join: how they find each other.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dcgan_jax.train", *flags, *joining, *each(number)],
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, (joining, variables) in enumerate(join(count))
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def wait(processes):
    """Return the exit codes and error texts of processes that end by themselves."""
    ended = [process.communicate(timeout=TIMEOUT_SECONDS) for process in processes]
    codes = [process.returncode for process in processes]
    return codes, [err for _, err in ended]


def train(flags, count, **kwargs):
    with started(flags, count, **kwargs) as processes:
        codes, told = wait(processes)
    assert codes == [0] * count, told
    return told


def wait_for_step(process, workdir, step):
    """Return once a run has logged a step."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(ValueError, IndexError):
            if run_dir.read_metrics(workdir)[-1]["step"] >= step:
                return
        time.sleep(0.05)
    raise AssertionError(process.poll())


@pytest.fixture(scope="module")
def of_one(make_own, tmp_path_factory):
    """A finished run of one process."""
    workdir = tmp_path_factory.mktemp("one") / "run"
    loop.run(cli.parse_run(make_own(f"--workdir={workdir}")))
    return workdir


class Pair:
    """A run of two processes, each with a folder of its own to write to."""

    def __init__(self, folder, flags):
        self.folders = [folder / "first", folder / "second"]
        self.told = train(
            flags, 2, each=lambda number: [f"--workdir={self.folders[number]}"]
        )


@pytest.fixture(scope="module")
def pair(make_own, tmp_path_factory):
    return Pair(tmp_path_factory.mktemp("two"), make_own())


@pytest.mark.long
def test_a_run_of_two_processes_is_that_of_one(of_one, pair, assert_same_run):
    assert_same_run(of_one, pair.folders[0])


@pytest.mark.long
def test_the_first_process_alone_writes(pair, of_one):
    first, second = pair.folders
    names = {path.relative_to(first).parts[0] for path in first.rglob("*")}
    assert names == {path.relative_to(of_one).parts[0] for path in of_one.rglob("*")}
    assert not second.exists()
    assert "step 10/20" in pair.told[0]
    assert "step 10/20" not in pair.told[1]


@pytest.mark.slow
def test_settings_that_differ_are_an_error_of_all_that_names_them(make_own, tmp_path):
    flags = make_own(f"--workdir={tmp_path / 'run'}")
    with started(flags, 2, each=lambda number: [f"--seed={number}"]) as processes:
        codes, told = wait(processes)
    assert codes == [2, 2], told
    for text in told:
        assert "error: the processes of the run differ in seed; give all" in text
        assert "Traceback" not in text
    assert not (tmp_path / "run").exists()


def stop_and_finish(make_own, workdir, *, victim, counts):
    """Stop a run by a signal to one process; finish it with another number of them."""
    flags = [*make_own(f"--workdir={workdir}"), "--log_every_steps=1"]
    endless = [*flags, "--num_steps=1000000", "--checkpoint_every_steps=1000000"]
    with started(endless, counts[0]) as processes:
        wait_for_step(processes[0], workdir, 3)
        processes[victim].send_signal(signal.SIGTERM)
        codes, told = wait(processes)
    assert codes == [128 + signal.SIGTERM] * counts[0], told
    (saved,) = checkpoints.list_steps(workdir / "checkpoints")
    assert run_dir.read_metrics(workdir)[-1]["step"] == saved
    more = saved + 5
    if counts[1] == 1:
        loop.run(cli.parse_run([*flags, f"--num_steps={more}"]))
    else:
        train([*flags, f"--num_steps={more}"], counts[1])
    assert checkpoints.list_steps(workdir / "checkpoints")[-1] == more


@pytest.mark.long
def test_a_signal_to_one_process_stops_and_saves_all_at_one_step(make_own, tmp_path):
    stop_and_finish(make_own, tmp_path / "run", victim=1, counts=(2, 1))


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(make_own, tmp_path):
    stop_and_finish(make_own, tmp_path / "run", victim=0, counts=(2, 4))


@pytest.mark.slow
def test_a_run_of_four_processes_is_that_of_one(
    make_own, of_one, tmp_path, assert_same_run
):
    train(make_own(f"--workdir={tmp_path / 'run'}"), 4)
    assert_same_run(of_one, tmp_path / "run")


@pytest.mark.slow
def test_a_job_of_slurm_is_found_by_its_variables(make_own, tmp_path):
    train(make_own(f"--workdir={tmp_path / 'run'}"), 2, join=by_slurm)
    assert checkpoints.list_steps(tmp_path / "run" / "checkpoints") == [10, NUM_STEPS]


@pytest.mark.slow
@pytest.mark.parametrize("saved_by", [1, 2])
def test_a_checkpoint_moves_between_numbers_of_processes(
    saved_by, make_own, of_one, tmp_path, assert_same_run
):
    flags = make_own(f"--workdir={tmp_path / 'run'}")
    train([*flags, f"--num_steps={NUM_STEPS // 2}"], saved_by)
    train(flags, 4 if saved_by == 2 else 2)
    assert_same_run(of_one, tmp_path / "run")


HEARTBEAT_SECONDS = 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "victim", "bound"),
    [
        (signal.SIGKILL, 1, HEARTBEAT_SECONDS),
        (signal.SIGKILL, 0, HEARTBEAT_SECONDS),
        (signal.SIGSTOP, 1, 3 * HEARTBEAT_SECONDS),
        (signal.SIGSTOP, 0, 3 * HEARTBEAT_SECONDS),
    ],
)
def test_a_process_that_dies_or_freezes_ends_the_others_and_the_run_goes_on(
    number, victim, bound, make_own, tmp_path
):
    workdir = tmp_path / "run"
    flags = make_own(f"--workdir={workdir}")
    endless = [
        *flags,
        "--num_steps=1000000",
        f"--heartbeat_seconds={HEARTBEAT_SECONDS}",
    ]
    with started(endless, 2) as processes:
        wait_for_step(processes[0], workdir, 2 * NUM_STEPS)
        processes[victim].send_signal(number)
        begin = time.monotonic()
        survivor = processes[1 - victim]
        _, told = survivor.communicate(timeout=TIMEOUT_SECONDS)
        assert time.monotonic() - begin < bound + 60  # the machine may be busy
    assert survivor.returncode in (4, -signal.SIGABRT), told
    saved = checkpoints.find_newest(workdir / "checkpoints").step
    train([*flags, f"--num_steps={saved + 5}"], 2)
    assert checkpoints.list_steps(workdir / "checkpoints")[-1] == saved + 5


@pytest.mark.slow
def test_a_folder_that_the_first_cannot_use_is_an_error_of_all(make_own, of_one):
    with started(make_own(f"--workdir={of_one}", "--seed=1"), 2) as processes:
        codes, told = wait(processes)
    assert codes == [2, 2], told
    assert "holds a run with seed=0" in told[0]
    assert f"error: process 0: {of_one} holds a run with seed=0" in told[1]


def test_processes_with_unequal_devices_are_told_so_each_in_a_line(make_own, tmp_path):
    def join(count):
        for number, (joining, _) in enumerate(by_hand(count)):
            forced = f"--xla_force_host_platform_device_count={number + 1}"
            yield joining, {"XLA_FLAGS": forced}

    flags = make_own(f"--workdir={tmp_path / 'run'}")
    with started(flags, 2, join=join) as processes:
        codes, told = wait(processes)
    assert codes == [2, 2], told
    for text in told:
        assert "error: the processes of the run have 1, 2 devices" in text
        assert "Traceback" not in text
