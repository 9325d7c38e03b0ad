"""SIGKILL of one of two processes that train together, on this machine's loopback."""

import functools
import random
import signal
import socket
import time
from pathlib import Path

from dcgan_jax.runs import checkpoints, folder as run_dir
from experiments.faults import tiny_run, trials
from experiments.faults.processes import Running
from experiments.faults.trials import Context, Outcome

KILLS, KILLS_A_RUN = 20, 4
HEARTBEAT_SECONDS = 10
# The heartbeat, and a machine that does other things.
MOST_SECONDS = HEARTBEAT_SECONDS + 60
# What a process that misses another may end with: our code, or JAX's abort.
ENDS = (4, -signal.SIGABRT)


def run(context: Context) -> bool:
    """Make the faults; return whether all were survived."""
    tiny_run.make_reference(context.shared)
    return trials.run(
        context,
        "lost_process",
        functools.partial(_kill_in_a_run, context.shared),
        until=context.count(KILLS),
        protocol=f"two processes train {tiny_run.NUM_STEPS} steps together; SIGKILL of"
        " one of them, either, at a random moment of training; then one, two or four"
        " processes go on. Survived: the other process ends by itself within"
        f" {MOST_SECONDS} s with exit code 4 or SIGABRT, the newest checkpoint verifies"
        " and is no older than before, and the run reaches its end",
    )


def _kill_in_a_run(
    shared: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    workdir, newest = folder / "run", 0
    flags = tiny_run.list_flags(shared, workdir)
    while outcome.tried < min(KILLS_A_RUN, outcome.wanted):
        # The log ends at a row that is cut off once the run goes on, or at the newest
        # checkpoint; before that the processes still wait for each other, for minutes.
        known = {tiny_run.read_logged_step(workdir), newest}
        pair = _start(flags, 2)
        first = pair[0]
        first.wait_until(lambda k=known: tiny_run.read_logged_step(workdir) not in k)
        first.rest(chance.uniform(0, 1.5))
        victim = chance.randrange(2)
        if not first.is_running or not pair[victim].kill():
            _end(pair)
            break  # it has finished
        outcome.tried += 1
        outcome.counts["of_the_first"] += victim == 0
        _expect_end(pair[1 - victim], outcome)
        newest = _expect_newest(workdir, newest, outcome)
    together = _start(flags, chance.choice((1, 2, 4)))
    for process in together:
        code = process.end().code
        outcome.expect(code == 0, f"{len(together)} went on: exit code {code}")
    found = (tiny_run.list_steps(workdir) or [0])[-1]
    outcome.expect(found == tiny_run.NUM_STEPS, f"ended at step {found}")


def _start(flags: list[str], count: int) -> list[Running]:
    if count == 1:
        return [Running("train", flags)]
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    joined = [
        *flags,
        f"--coordinator_address={address}",
        f"--num_processes={count}",
        f"--heartbeat_seconds={HEARTBEAT_SECONDS}",
    ]
    return [Running("train", [*joined, f"--process_id={i}"]) for i in range(count)]


def _expect_end(survivor: Running, outcome: Outcome) -> None:
    """Expect a process to end because another one has."""
    begin = time.monotonic()
    survivor.rest(MOST_SECONDS)
    outcome.note_most("most_seconds_to_end", time.monotonic() - begin)
    hung = survivor.is_running
    if hung:
        survivor.kill()
    ended = survivor.end()
    told = "did not end" if hung else f"ended with {ended.code}: {ended.last_line}"
    outcome.expect(not hung and ended.code in ENDS, f"the other process {told}")


def _expect_newest(workdir: Path, before: int, outcome: Outcome) -> int:
    """Expect a whole checkpoint no older than the one before; return its step."""
    newest = checkpoints.find_newest(workdir / run_dir.CHECKPOINTS)
    step = 0 if newest is None else newest.step
    listed = (tiny_run.list_steps(workdir) or [0])[-1]
    outcome.expect(step == listed, f"step {listed} does not verify")
    outcome.expect(step >= before, f"step {before} was lost, there is {step}")
    return step


def _end(processes: list[Running]) -> None:
    for process in processes:
        process.end()
