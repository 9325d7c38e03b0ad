"""The paper's figures from one run, on a page: a self-contained HTML file.

python experiments/paper/paper_figures.py RUN

Each part is made by the command that stands under it, of one checkpoint; cost: minutes
on two CPU cores. Files lie in RUN/figures/step_…; stopped, the same command goes on.
The parts that need a person's choice are left out until --picks and --boxes are given;
the page says how they are made.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dcgan_jax
from dcgan_jax import cli
from dcgan_jax.config import TrainConfig
from dcgan_jax.pictures import curves, report
from dcgan_jax.pictures.report import Figure
from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import disk, errors, json_values
from experiments import results
from experiments.paper.paper_parts import PARTS, PagePart


def main(argv: Sequence[str]) -> int:
    flags = _parse(argv)
    config = run_dir.read_config(flags.run)
    newest = checkpoints.find_newest(flags.run / run_dir.CHECKPOINTS, step=flags.step)
    if newest is None:
        raise errors.MissingInputError(f"{flags.run} has no checkpoint; train first.")
    flags.step = newest.step
    folder = flags.run / "figures" / f"step_{newest.step:08d}"
    folder.mkdir(parents=True, exist_ok=True)
    figures = [make(part, flags, folder) for part in PARTS]
    title = f"Figures of {flags.run.resolve().name}, step {newest.step:,}"
    out = flags.out or folder / "figures.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    page = report.make_report(title, _list_facts(config, flags.run), figures)
    disk.write_whole(out, page.encode())
    missing = [figure.title for figure in figures if figure.picture is None]
    print(f"{len(figures) - len(missing)} figures in {out}")
    if missing:
        print(f"missing, the page says why: {', '.join(missing)}")
    return 0


def make(part: PagePart, flags: argparse.Namespace, folder: Path) -> Figure:
    """Make a part of the page, unless an earlier call has, in the same way."""
    picture = folder / f"{part.name}{part.suffix}"
    note = folder / f"{part.name}.json"
    command = _fill(part, flags, picture)
    shown = shlex.join(["python", "-m", *command]) if command else "from the run's log"
    figure = Figure(part.title, part.caption, shown, suffix=part.suffix)
    made_of = [shown]
    if part.needs:
        given = getattr(flags, part.needs)
        if given is None:
            return figure._replace(command="", missing=part.advice)
        made_of.append(disk.hash_file(given))
    known = json_values.read_json(note) if note.is_file() else {}
    if known.get("made_of") == made_of and picture.is_file():
        return figure._replace(text=known["text"], picture=picture.read_bytes())
    print(f"{part.title}: {shown}", file=sys.stderr, flush=True)
    code, text = _call(command) if command else _draw_curves(flags.run, picture)
    if code != 0:
        return figure._replace(missing=text or f"the command ended with code {code}")
    if part.found:
        shutil.copyfile(flags.run / part.found, picture)
    disk.write_whole(note, json.dumps({"made_of": made_of, "text": text}).encode())
    return figure._replace(text=text, picture=picture.read_bytes())


def _fill(part: PagePart, flags: argparse.Namespace, picture: Path) -> list[str]:
    """Return a part's command as words; no words where there is no command."""
    values = {
        "run": str(flags.run),
        "step": f"--step={flags.step}",
        "data": "" if flags.data_dir is None else f"--data_dir={flags.data_dir}",
        "picks": str(flags.picks),
        "boxes": str(flags.boxes),
    }
    words = [word.format(**values) for word in part.arguments.split()]
    if words and part.found is None:
        words.append(f"--out={picture}")
    return [word for word in words if word]


def _call(command: Sequence[str]) -> tuple[int, str]:
    """Run a module; return its exit code and what it printed, or its last error."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        last = ""
        for line in child.stderr:  # results are printed after it, and are short
            sys.stderr.write(line)
            last = line.strip() or last
        text = child.stdout.read().strip()
    if child.returncode == cli.INTERRUPTED:
        raise KeyboardInterrupt
    return child.returncode, text if child.returncode == 0 else last


def _draw_curves(run: Path, picture: Path) -> tuple[int, str]:
    rows = run_dir.read_metrics(run)
    if not rows:
        return 1, f"{run_dir.METRICS} has no rows yet; train first"
    curves.save_curves(rows, picture)
    return 0, "\n".join(f"{name}  {value:.4g}" for name, value in rows[-1].items())


def _list_facts(config: TrainConfig, run: Path) -> dict[str, str]:
    rows = run_dir.read_metrics(run)
    optimizer = config.adam or config.sgd
    size = f"{config.image_size}×{config.image_size}×{config.channels}"
    return {
        "data": f"{config.dataset}, {config.split}, {size}",
        "networks": f"{config.architecture}, width × {config.width_multiplier}",
        "batch size": str(config.batch_size),
        "learning rate": "" if optimizer is None else str(optimizer.learning_rate),
        "seed": str(config.seed),
        "last step in the log": f"{rows[-1]['step']:,.0f}" if rows else "none",
        "made by": f"dcgan_jax {dcgan_jax.__version__}",
    }


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = results.make_parser(__doc__)
    add = parser.add_argument
    add("run", type=Path, help="a run's folder")
    add("--step", type=int, help="of the checkpoint; else the newest")
    add("--picks", type=Path, help="exemplars for the arithmetic, a JSON file")
    add("--boxes", type=Path, help="boxes around the object to forget, a JSON file")
    add("--data_dir", type=Path, help="folder of the prepared stores; else the run's")
    add("--out", type=Path, help="the page; else figures.html beside its pictures")
    flags = parser.parse_args(argv)
    if flags.out is not None and flags.out.suffix != ".html":
        raise errors.InputError(f"--out={flags.out} must end in .html.")
    for path in (flags.picks, flags.boxes):
        if path is not None and not path.is_file():
            raise errors.MissingInputError(f"{path} is not there; expected a file.")
    return flags


if __name__ == "__main__":
    cli.run_main(main)
