"""Result files: what was measured, how, on what, from which commit."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def save(
    name: str,
    *,
    what: str,
    command: str,
    seed: int,
    protocol: str,
    numbers: dict[str, Any],
) -> Path:
    """Write experiments/results/NAME.json.

    Args:
        name: of the file.
        what: one line on what the numbers are.
        command: that makes them.
        seed: of the run.
        protocol: how they were taken.
        numbers: the results.
    """
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    content = {
        "what": what,
        "command": command,
        "seed": seed,
        "commit": _commit(),
        "machine": _machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "protocol": protocol,
        "numbers": numbers,
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def _commit() -> str:
    """Return the commit's id, marked where the code (not a result) differs from it."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit is None:
        return "unknown"
    others = ":(top,exclude)experiments/results"
    changes = _git("status", "--porcelain", "-uno", "--", ":/", others)
    return f"{commit}-dirty" if changes else commit


def _git(*arguments: str) -> str | None:
    told = subprocess.run(
        ["git", *arguments],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() if told.returncode == 0 else None


def _machine() -> dict[str, Any]:
    packages = ("jax", "jaxlib", "flax", "optax", "numpy")
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in packages},
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
