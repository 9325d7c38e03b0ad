"""Damaged checkpoints and stores: noticed, named, and never used."""

import dataclasses
import functools
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dcgan_jax import presets
from dcgan_jax.config import data_config
from dcgan_jax.data import manifest, store as stores
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import errors
from experiments.faults import processes, tiny_run, trials
from experiments.faults.trials import Context, Outcome

CHECKPOINT_FAULTS, COMMAND_FAULTS, STORE_FAULTS = 400, 12, 400
Harm = Callable[[Path, random.Random], None]


def run(context: Context) -> bool:
    """Make all kinds of faults; return whether all were survived."""
    reference = tiny_run.make_reference(context.shared)
    config = dataclasses.replace(presets.DIGITS, data_dir=context.shared / "data")
    store = stores.store_path(data_config(config))
    return all(
        [
            trials.run(
                context,
                "damaged_checkpoint",
                functools.partial(_harm_a_checkpoint, reference),
                until=context.count(CHECKPOINT_FAULTS),
                protocol="the newest of two checkpoints: each of its files in turn cut"
                " short, with a random bit flipped, or deleted. Survived: the older one"
                " is restored, equal to the bit; with both harmed, one InputError",
            ),
            trials.run(
                context,
                "damaged_checkpoint_resume",
                functools.partial(_resume, reference),
                until=context.count(COMMAND_FAULTS),
                protocol="a run with its newest checkpoint harmed likewise and a half"
                " save left behind; the command again. Survived: it says what it skips"
                " and ends in the same state to the bit",
            ),
            trials.run(
                context,
                "damaged_store",
                functools.partial(_harm_a_store, store),
                until=context.count(STORE_FAULTS),
                protocol="each file of a store in turn cut short, with a random bit"
                " flipped, deleted, or (manifest) of another version. Survived: an"
                " InputError names the file, and the training command ends with one"
                " line",
            ),
        ]
    )


def cut_short(path: Path, chance: random.Random) -> None:
    """Truncate a file at a random place."""
    os.truncate(path, chance.randrange(path.stat().st_size))


def flip_a_bit(path: Path, chance: random.Random) -> None:
    """Flip a random bit of a file."""
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def delete(path: Path, chance: random.Random) -> None:
    """Remove a file."""
    del chance
    path.unlink()


def change_version(path: Path, chance: random.Random) -> None:
    """Give a store's manifest the version of another time."""
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "version": chance.choice((0, 2, None, "x"))}))


HARMS: tuple[Harm, ...] = (cut_short, flip_a_bit, delete)


def _list_files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size]


def _take_two(reference: Path, folder: Path) -> tuple[Path, list[int]]:
    """Copy the last two checkpoints of a run; return their folder and steps."""
    steps = tiny_run.list_steps(reference)[-2:]
    for step in steps:
        name = f"{run_dir.CHECKPOINTS}/step_{step:08d}"
        shutil.copytree(reference / name, folder / name)
    return folder, steps


def _harm_a_checkpoint(
    reference: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    workdir, (older, newer) = _take_two(reference, folder)
    saved = workdir / run_dir.CHECKPOINTS
    expected = tiny_run.read_arrays(reference, older)
    for path in _list_files(saved / f"step_{newer:08d}"):
        content = path.read_bytes()
        for harm in HARMS:
            harm(path, chance)
            outcome.tried += 1
            name = f"{harm.__name__} {path.name}"
            try:
                found = tiny_run.read_arrays(workdir)
                outcome.expect(found == expected, f"{name}: not the older one")
            except Exception as error:
                outcome.expect(False, f"{name}: {type(error).__name__} {error}")
            path.write_bytes(content)
    for harm in HARMS:
        for step in (older, newer):
            harm(chance.choice(_list_files(saved / f"step_{step:08d}")), chance)
        outcome.tried += 1
        try:
            checkpoints.find_newest(saved)
            outcome.expect(False, f"{harm.__name__} both: no error")
        except errors.InputError as error:
            outcome.expect("\n" not in str(error), f"more than a line: {error}")


def _resume(
    reference: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    workdir = shutil.copytree(reference, folder / "run")
    saved = workdir / run_dir.CHECKPOINTS
    newest = saved / f"step_{tiny_run.NUM_STEPS:08d}"
    shutil.copytree(newest / "state", saved / ".step_00000490.partial" / "state")
    harm = HARMS[chance.randrange(len(HARMS))]
    path = chance.choice(_list_files(newest))
    harm(path, chance)
    outcome.tried += 1
    flags = tiny_run.list_flags(reference.parent, workdir)
    ended = processes.run("train", *flags, f"--keep_every_steps={tiny_run.EVERY}")
    told = f"skipped checkpoint step {tiny_run.NUM_STEPS}"
    outcome.expect(told in ended.err, f"{harm.__name__} {path.name}: says nothing")
    if outcome.expect(ended.code == 0, f"exit code {ended.code}: {ended.last_line}"):
        tiny_run.expect_same_end(outcome, workdir, reference)


def _harm_a_store(
    original: Path, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    # As deep as the original, whose place its settings tell.
    data_dir = folder / "data"
    store = data_dir / original.parent.name / original.name
    shutil.copytree(original, store)
    for path in _list_files(store):
        content = path.read_bytes()
        is_manifest = path.name == manifest.FILE_NAME
        for harm in (*HARMS, *((change_version,) if is_manifest else ())):
            harm(path, chance)
            outcome.tried += 1
            _expect_refusal(outcome, store, f"{harm.__name__} {path.name}")
            path.write_bytes(content)
    path = chance.choice([p for p in _list_files(store) if p.suffix == ".npy"])
    harm = chance.choice(HARMS)
    harm(path, chance)
    outcome.tried += 1
    # Once a trial: a process takes seconds.
    flags = tiny_run.list_flags(folder, folder / "run")
    ended = processes.run("train", *flags)
    named = path.name in ended.last_line
    told = f"{harm.__name__} {path.name}: code {ended.code}, {ended.last_line}"
    outcome.expect(ended.is_one_error and named, told)


def _expect_refusal(outcome: Outcome, store: Path, name: str) -> None:
    try:
        opened = stores.open_store(store, hash_all=True)
        opened.rows(np.arange(len(opened)))
        outcome.expect(False, f"{name}: not noticed")
    except errors.InputError as error:
        outcome.expect("\n" not in str(error), f"{name}: {error}")
    except Exception as error:
        outcome.expect(False, f"{name}: {type(error).__name__} {error}")
