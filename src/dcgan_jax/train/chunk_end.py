"""What follows on a chunk of steps: it is read and checked, and what is due is written.

The device computes the next chunk meanwhile.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax

from dcgan_jax.gan import state as train_state, steps
from dcgan_jax.gan.state import TrainState
from dcgan_jax.train import chunk as chunks, finite, mesh
from dcgan_jax.train.pace import Pace
from dcgan_jax.train.recorder import RanChunk, Recorder
from dcgan_jax.train.start import Run
from dcgan_jax.train.timetable import Due


class Begun(NamedTuple):
    """A chunk of steps that the device may still compute.

    Attributes:
        first_step: steps done before it.
        step: steps done after it.
        metrics: on the device, each (capacity,).
        wait_seconds: the time that the run had waited for data, since its start.
        due: what is, at its end.
        state: a copy of that at its end, for this; None where it is not needed.
        marks: whether each array of it is finite, where it is to be saved.
    """

    first_step: int
    step: int
    metrics: steps.Metrics
    wait_seconds: float
    due: Due = Due()
    state: TrainState | None = None
    marks: Mapping[str, jax.Array] = {}


def keep_state(
    begun: Begun, due: Due, recorder: Recorder | None, state: TrainState
) -> Begun:
    """Keep of the state at a chunk's end what is needed when the next one has it.

    Args:
        begun: the chunk.
        due: what is, at its end.
        recorder: of the first process; None in the others.
        state: at its end.
    """
    kept = None
    if due.needs_state:
        with mesh.together():
            if recorder is not None:
                kept = recorder.keep(state)
    is_kept = due.save or due.measure
    marks = train_state.mark_finite(mesh.local(state)) if is_kept else {}
    return begun._replace(due=due, state=kept, marks=marks)


def end_chunk(
    run: Run, pace: Pace, recorder: Recorder | None, begun: Begun | None
) -> None:
    """Wait for a chunk, check it, and have written what is due at its end.

    Before the first one there is none, and the clock of the recorder begins.

    Raises:
        NonFiniteError: if a metric, or a value to be saved, is NaN or infinite.
    """
    if begun is None:
        if recorder is not None:
            recorder.start_clock()
        return
    count = begun.step - begun.first_step
    metrics = chunks.read(begun.metrics, count)
    pace.note(count)
    _refuse(run, recorder, finite.find_in_metrics(begun.first_step, metrics))
    _refuse(run, recorder, finite.find_in_state(begun.step, begun.marks))
    with mesh.together():
        if recorder is not None:
            ran = RanChunk(begun.step, metrics, begun.wait_seconds)
            recorder.record(ran, begun.due, begun.state)


def end_run(
    run: Run, recorder: Recorder | None, state: TrainState, *, was_stopped: bool
) -> None:
    """Check the last state of a run, and write what is missing.

    Raises:
        NonFiniteError: if a value is NaN or infinite.
    """
    marks = train_state.mark_finite(mesh.local(state))
    _refuse(run, recorder, finite.find_in_state(int(state.step), marks))
    with mesh.together():
        if recorder is not None:
            recorder.finish(state, was_stopped=was_stopped)


def _refuse(run: Run, recorder: Recorder | None, problem: str | None) -> None:
    """Raise an error about what is not finite, once all is saved that is."""
    if problem is None:
        return
    if recorder is not None:
        recorder.wait()
    raise finite.make_error(run, problem)
