"""Hostile files: parsers are given thousands; each takes one or refuses it in a line.

Every parser is fed in processes of their own, whose memory is limited, and which end
when one file holds them for long.
"""

import faulthandler
import functools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from experiments.faults import (
    fuzz_formats,
    fuzz_layouts,
    fuzz_own_files,
    fuzz_sources,
    fuzz_stores,
    trials,
)
from experiments.faults.hostile_files import Files, Parser
from experiments.faults.trials import Context, Outcome

INPUTS, BATCH = 10_000, 1000
MAX_SECONDS = 10.0  # of computing, on one file
MAX_GROWTH_BYTES = 3 << 29  # an image of 89 million pixels with alpha takes most of it
_ROOM_BYTES = 6 << 30  # what a process may map beyond what it has when it begins
_PATIENCE_SECONDS = 120
_MAX_MESSAGE = 4000
_GIVEN, _WORK = "given", "work"


class Fed(NamedTuple):
    """What became of an input: whether it was read, and what was wrong, if anything."""

    was_read: bool
    problem: str | None


def list_parsers() -> dict[str, Callable[[Path], Parser]]:
    """Return what makes the parsers, by name; each takes a folder for its seeds."""
    return {
        **fuzz_sources.PARSERS,
        **fuzz_formats.PARSERS,
        **fuzz_layouts.PARSERS,
        **fuzz_stores.PARSERS,
        **fuzz_own_files.PARSERS,
    }


def run(context: Context) -> bool:
    """Feed all parsers; return whether all behaved."""
    survived = []
    for name in context.only or list_parsers():
        survived.append(
            trials.run(
                context,
                f"fuzz_{name}",
                functools.partial(_feed_in_a_process, name),
                until=context.count(INPUTS),
                protocol="valid files, harmed: cut, bits flipped, wild sizes, spliced,"
                " noise behind a magic number, other JSON values, deep nesting; some"
                " made by hand. Survived: read or refused by one short line,"
                f" within {MAX_SECONDS:g} s of computing and"
                f" {MAX_GROWTH_BYTES >> 20} MiB, nothing written outside of the work"
                " folder",
            )
        )
    return all(survived)


def feed(parser: Parser, chance: random.Random, folder: Path) -> Fed:
    """Give a parser one hostile file or folder.

    Args:
        parser: to be fed.
        chance: what the input depends on.
        folder: for the input, as `given`; nothing may appear in it but in `work`.
    """
    given, work = folder / _GIVEN, folder / _WORK
    write_files(given, parser.draw(chance))
    before = _list_tree(folder)
    cpu, memory = time.process_time(), _most_memory()
    problem, was_read = None, False
    try:
        parser.read(given, work)
        was_read = True
    except parser.refusals as error:
        problem = _judge_message(str(error))
    except BaseException as error:
        problem = f"{type(error).__name__}: {str(error)[:300]}"
    seconds, growth = time.process_time() - cpu, _most_memory() - memory
    if problem is None and seconds > MAX_SECONDS:
        problem = f"took {seconds:.0f} s"
    if problem is None and growth > MAX_GROWTH_BYTES:
        problem = f"took {growth >> 20} MiB more memory"
    if (appeared := _list_tree(folder) ^ before) and problem is None:
        problem = f"changed files: {sorted(appeared)[:5]}"
    shutil.rmtree(work, ignore_errors=True)
    return Fed(was_read, problem)


def write_files(folder: Path, files: Files) -> None:
    """Make a folder hold some files and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def check_valid(parser: Parser, folder: Path) -> None:
    """Read the valid files, which also loads every library before memory is measured.

    Raises:
        Exception: what the parser raises; then what is fuzzed is not the parser.
    """
    for files in parser.valid:
        write_files(folder / _GIVEN, files)
        parser.read(folder / _GIVEN, folder / _WORK)
        shutil.rmtree(folder / _WORK, ignore_errors=True)


def _judge_message(message: str) -> str | None:
    if not message.strip():
        return "refused without a word"
    if not message.isprintable():
        return f"more than a printable line: {message[:300]!r}"
    if len(message) > _MAX_MESSAGE:
        return f"a line of {len(message)} characters: {message[:300]!r}"
    return None


def _list_tree(folder: Path) -> set[str]:
    """List what lies in a folder and beside it, but in `work`."""
    found = set()
    for root, folders, files in os.walk(folder):
        if root == str(folder) and _WORK in folders:
            folders.remove(_WORK)
        for name in files:
            path = os.path.join(root, name)
            status = os.lstat(path)
            found.add(f"{path} {status.st_size} {status.st_mtime_ns}")
        found |= {os.path.join(root, name) for name in folders}
    return found | {entry.path for entry in os.scandir(folder.parent)}


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _feed_in_a_process(
    name: str, chance: random.Random, folder: Path, outcome: Outcome
) -> None:
    count = min(BATCH, outcome.wanted)
    script = "from experiments.faults import fuzz; fuzz.main()"
    command = [sys.executable, "-c", script, name, str(chance.random())]
    here = str(Path(__file__).parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    with (folder / "errors").open("wb") as told:
        ended = subprocess.run(
            [*command, str(count), str(folder)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stderr=told,
            check=False,
        )
    report = _read_report(folder)
    outcome.tried += report["tried"]
    outcome.counts.update(report["counts"])
    outcome.note_most("slowest_seconds", report["seconds"])
    outcome.note_most("memory_growth_mb", report["growth_mb"])
    outcome.problems += report["problems"]
    if not outcome.expect(
        ended.returncode == 0,
        f"{folder.name}: exit code {ended.returncode} after {report['tried']} inputs",
    ):
        outcome.tried += 1


def _read_report(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = {
        "tried": 0, "counts": {}, "seconds": 0.0, "growth_mb": 0.0, "problems": []
    }  # fmt: skip
    file = folder / "report.json"
    return json.loads(file.read_text()) if file.is_file() else report


def main() -> None:
    """Feed the parser, from the seed, as many inputs, in the folder of the arguments.

    A report is written after every input; those after which something was wrong are
    kept in the folder `lost`.
    """
    faulthandler.enable()
    name, seed, count, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    place = Path(folder) / "inputs" / "place"
    place.mkdir(parents=True)
    parser = list_parsers()[name](Path(folder) / "seeds")
    check_valid(parser, place)
    forbidden = _watch(Path(folder))
    os.fsync = lambda descriptor: None  # no file here is to survive a power cut
    _limit_memory()
    begin = _most_memory()
    report = _read_report(Path(folder))
    counts = report["counts"] = Counter()
    for number in range(count):
        faulthandler.dump_traceback_later(_PATIENCE_SECONDS, exit=True)
        cpu = time.process_time()
        was_read, problem = feed(parser, random.Random(f"{seed} {number}"), place)
        if forbidden and problem is None:
            problem = f"did what no parser may: {forbidden[:3]}"
        forbidden.clear()
        report["seconds"] = max(report["seconds"], time.process_time() - cpu)
        report["growth_mb"] = (_most_memory() - begin) / 1e6
        report["tried"] += 1
        counts["read" if was_read else "refused"] += 1
        if problem is not None:
            report["problems"].append(f"{seed} {number}: {problem}")
            shutil.copytree(place / _GIVEN, Path(folder) / "lost" / str(number))
        (Path(folder) / "report.json").write_text(json.dumps(report))
    faulthandler.cancel_dump_traceback_later()


def _watch(folder: Path) -> list[str]:
    """Return a list that takes what this process does and should not, from now on."""
    sys.dont_write_bytecode = True
    found: list[str] = []
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    begins = (
        "pickle.",
        "subprocess.",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "socket.connect",
        "socket.bind",
    )

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            path, flags = os.fsdecode(arguments[0]), arguments[2]
            if flags & writes and not os.path.abspath(path).startswith(str(folder)):
                found.append(f"{event} {path}")
        elif event.startswith(begins):
            found.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(look)
    return found


def _limit_memory() -> None:
    """Let what asks for far too much fail here, and not the machine."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
