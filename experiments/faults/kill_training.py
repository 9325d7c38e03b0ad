"""SIGKILL, SIGTERM and Ctrl-C at random moments of a training run."""

import functools
import random
import signal
import time
from pathlib import Path

from dcgan_jax.runs import folder as run_dir
from experiments.faults import processes, tiny_run, trials
from experiments.faults.processes import Running
from experiments.faults.trials import Context, Outcome

KILLS, KILLS_A_RUN = 50, 10
STOPS, STOPS_A_RUN = 20, 4
SLOW_SECONDS = 0.01
# A running chunk, and one that ended between the log's last row and the signal.
MOST_CHUNKS = 2
MOST_STOP_CPU_SECONDS = 10.0


def run(context: Context) -> bool:
    """Make both kinds of faults; return whether all were survived."""
    reference = tiny_run.make_reference(context.shared)
    killed = trials.run(
        context,
        "kill_training",
        functools.partial(_kill_a_run, reference),
        until=context.count(KILLS),
        protocol=f"a run of {tiny_run.NUM_STEPS} steps on the digits, checkpoints every"
        f" {tiny_run.EVERY}, every fsync and rename made {2000 * SLOW_SECONDS:g} ms"
        " slower; SIGKILL after a random time from the start (1 in 8), from a log row"
        " (half), or within a save; then the same command again. Survived: after the"
        " kill the newest checkpoint verifies, equals the uninterrupted run's of that"
        " step to the bit and is no older than before; at the end state, log and grids"
        " are equal and nothing is left over",
    )
    stopped = trials.run(
        context,
        "stop_training",
        functools.partial(_stop_a_run, reference),
        until=context.count(STOPS),
        protocol="the same run; SIGTERM or SIGINT at a random moment of training."
        " Survived: exit code 143 or 130, a checkpoint of the step that is told, at"
        f" most {MOST_CHUNKS} chunks of {tiny_run.LOG_EVERY} steps beyond the last log"
        f" row, for at most {MOST_STOP_CPU_SECONDS:g} s of computing; the state at the"
        " end is equal",
    )
    return killed and stopped


def _kill_a_run(
    reference: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    workdir = folder / "run"
    flags = tiny_run.list_flags(reference.parent, workdir)
    newest = 0
    while outcome.tried < min(KILLS_A_RUN, outcome.wanted):
        half_written = processes.find_half_written(workdir)
        process = Running("train", flags, slow=SLOW_SECONDS)
        _wait_for_a_moment(process, workdir, chance)
        if not process.kill():
            break  # it has finished
        outcome.tried += 1
        left = processes.find_half_written(workdir)
        outcome.counts["during_save"] += not left <= half_written
        found = tiny_run.expect_newest_equal(outcome, workdir, reference)
        outcome.expect(found >= newest, f"step {newest} was lost, there is {found}")
        newest = found
    ended = Running("train", flags).end()
    if outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.last_line}"):
        tiny_run.expect_same_end(outcome, workdir, reference)


def _wait_for_a_moment(process: Running, workdir: Path, chance: random.Random) -> None:
    """Wait until the moment of a kill, or the end."""
    kind = chance.choices(("start", "run", "save"), (1, 4, 3))[0]
    before = tiny_run.read_logged_step(workdir)
    if kind == "start":
        process.rest(chance.uniform(0, 8))
        return
    # The rows beyond the newest checkpoint are cut off before the first one is written.
    saved = (tiny_run.list_steps(workdir) or [0])[-1]
    process.wait_until(
        lambda: tiny_run.read_logged_step(workdir) not in (before, saved)
    )
    if kind == "save" and process.wait_until(lambda: tiny_run.is_saving(workdir)):
        process.rest(chance.uniform(0, 0.5))
    elif kind == "run":
        process.rest(chance.uniform(0, 1.5))


def _stop_a_run(
    reference: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    workdir = folder / "run"
    flags = tiny_run.list_flags(reference.parent, workdir)
    while outcome.tried < min(STOPS_A_RUN, outcome.wanted):
        process = Running("train", flags, slow=SLOW_SECONDS)
        saved = (tiny_run.list_steps(workdir) or [0])[-1]
        process.wait_until(lambda s=saved: tiny_run.read_logged_step(workdir) > s)
        process.rest(chance.uniform(0, 1.5))
        number = chance.choice((signal.SIGTERM, signal.SIGINT))
        logged = tiny_run.read_logged_step(workdir)
        if logged >= tiny_run.NUM_STEPS or not process.is_running:
            process.end()
            break
        sent, computed = time.monotonic(), process.cpu_seconds()
        process.send(number)
        ended = process.end()
        outcome.tried += 1
        seconds = ended.cpu_seconds - computed
        outcome.note_most("most_seconds_to_stop", time.monotonic() - sent)
        outcome.note_most("most_cpu_seconds_to_stop", seconds)
        _expect_stopped(outcome, ended.code - 128, number, ended.last_line)
        newest = (tiny_run.list_steps(workdir) or [0])[-1]
        outcome.note_most("most_steps_after_signal", newest - logged)
        told = f"stopped at step {newest} and saved"
        outcome.expect(told in ended.last_line, f"{ended.last_line!r}, not {told!r}")
        most = logged + MOST_CHUNKS * tiny_run.LOG_EVERY
        outcome.expect(newest <= most, f"went on from {logged} to {newest}")
        told = f"computed for {seconds:.1f} s before it stopped"
        outcome.expect(seconds <= MOST_STOP_CPU_SECONDS, told)
    ended = Running("train", flags).end()
    if outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.last_line}"):
        # A stop draws a grid and ends a row where the run that nothing stops has none.
        newest = tiny_run.expect_newest_equal(outcome, workdir, reference)
        outcome.expect(newest == tiny_run.NUM_STEPS, f"ended at step {newest}")
        outcome.expect((workdir / run_dir.CURVES).is_file(), "no curves")


def _expect_stopped(outcome: Outcome, found: int, number: int, line: str) -> None:
    outcome.expect(found == number, f"exit code {found + 128}, signal {number}: {line}")
