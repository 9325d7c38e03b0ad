"""Every table and figure of both papers, in their order: what is there, what is not.

python experiments/paper/all.py --list
python experiments/paper/all.py --fast

--list says of each what it needs, the command, the paper's number and ours, how long
ours took and on what; and of what is not there, why. --fast runs the scripts themselves
one after another, on small nets and made data, in a few minutes on two CPU cores: a
check that none has rotted. Its numbers say nothing, and leave experiments/results
alone. What an earlier --fast in the same --folder has finished is not run again.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from dcgan_jax import cli
from dcgan_jax.system import errors
from experiments import results
from experiments.paper import fast_steps
from experiments.paper.fast_steps import Step
from experiments.readme import rows, tables
from experiments.readme.rows import Part

SCRIPTS = ("experiments/paper", "experiments/studies", "experiments/rivals")


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    if not flags.fast:
        list_parts()
        return 0
    if flags.folder is not None:
        return run_fast(flags.folder, only=flags.only)
    with tempfile.TemporaryDirectory() as folder:
        return run_fast(Path(folder), only=flags.only)


def list_parts() -> None:
    """Print every part of the papers, and how many of them are there."""
    shown = [(part, tables.show_part(part)) for part in rows.PARTS]
    for part, found in shown:
        print(f"{part.what}\n    {tell(part, found)}\n    {make_command(part)}")
    there = [found for _, found in shown if found.ours]
    smaller = sum(found.extent != "" for found in there)
    print(
        f"{len(there)} of {len(shown)} are there, {smaller} of them (†) narrower or"
        " shorter than the paper's or of other data"
    )


def tell(part: Part, found: tables.Shown) -> str:
    """Say in one line whether a part is there, and what there is or why it is not."""
    paper = "" if part.paper == "picture" else f"; the paper: {part.paper}"
    if found.ours:
        time_taken = f", {found.time}" if found.time else ""
        extent = f" († {found.extent})" if found.extent else ""
        ours = found.ours.removesuffix(" †")
        return f"there: {ours}{extent}, on {found.hardware}{time_taken}{paper}"
    on = f", and hours on a {part.hardware}" if part.hardware == "GPU" else ""
    why = "not run" if part.script else "no script"
    return f"missing, {why}: needs {part.needs}{on}{paper}"


def make_command(part: Part) -> str:
    """Return the command line that makes a part; "" where there is none."""
    if not part.script:
        return "–"
    return " ".join(["python", find_script(part.script), part.flags]).rstrip()


def find_script(name: str) -> str:
    """Return a script's path from the root of the repository."""
    folder = next(
        folder for folder in SCRIPTS if (tables.ROOT / folder / f"{name}.py").is_file()
    )
    return f"{folder}/{name}.py"


def run_fast(folder: Path, *, only: Sequence[str] | None) -> int:
    """Run every script small; return 1 if one failed, after all have run.

    Args:
        folder: of data, runs, results and what the scripts print.
        only: names of the steps to run; None: all.
    """
    folder = folder.resolve()
    steps = fast_steps.list_steps(folder)
    unknown = set(only or ()) - {step.name for step in steps}
    if unknown:
        known = ", ".join(step.name for step in steps)
        raise errors.InputError(f"no step is called {min(unknown)!r}; known: {known}.")
    fast_steps.make_data(folder)
    failed = []
    begun = time.monotonic()
    for step in steps:
        if only is None or step.name in only:
            code = run_step(step, folder)
            failed += [step.name] * (code != 0)
    for script, why in fast_steps.LEFT_OUT.items():
        print(f"{script}: left out, {why}")
    print(f"{len(failed)} failed of {len(only or steps)}, {_since(begun)}")
    return int(bool(failed))


def run_step(step: Step, folder: Path) -> int:
    """Run a step unless it is done; print its name and time, and why it failed."""
    done = folder / "done" / step.name
    if done.is_file():
        print(f"{step.name}: done before", flush=True)
        return 0
    command = [sys.executable, *step.command]
    begun = time.monotonic()
    ended = subprocess.run(
        command, cwd=tables.ROOT, text=True, check=False, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "EXPERIMENT_RESULTS": str(folder / "results")},
    )  # fmt: skip
    missing = [path for path in step.makes if not (folder / path).is_file()]
    print(f"{step.name}: {_since(begun)}", flush=True)
    if ended.returncode == 0 and not missing:
        done.parent.mkdir(exist_ok=True)
        done.touch()
        return 0
    print(f"{ended.stdout[-3000:]}\n{shlex.join(command)}", file=sys.stderr)
    told = f"it left no {missing[0]}" if missing else f"code {ended.returncode}"
    print(f"{step.name} failed: {told}", file=sys.stderr, flush=True)
    return 1


def _since(begun: float) -> str:
    return f"{time.monotonic() - begun:.0f} s"


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("--list", action="store_true", help="the default")
    add("--fast", action="store_true", help="run everything small")
    add("--folder", type=Path, help="what --fast makes is kept there")
    add("--only", nargs="+", help="steps of --fast")
    flags = parser.parse_args(argv)
    if (flags.folder is not None or flags.only) and not flags.fast:
        parser.error("--folder and --only are flags of --fast; add it")
    return flags


if __name__ == "__main__":
    cli.run_main(main)
