"""Result files: what was measured, how, on what, from which commit."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import dcgan_jax
from dcgan_jax import disk


def save(
    path: Path,
    *,
    what: str,
    command: str,
    seed: int,
    protocol: str,
    numbers: dict[str, Any],
) -> Path:
    """Write a result as JSON, whole or not at all.

    Args:
        path: of the file.
        what: one line on what the numbers are.
        command: that makes them.
        seed: of the run.
        protocol: how they were taken.
        numbers: the results.
    """
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
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
    return path


def _commit() -> str:
    """Return the commit of the source tree, marked where code differs from it.

    An installed package has none: its version stands for it.
    """
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return f"version {dcgan_jax.__version__}"
    commit = _git("rev-parse", "--short=12", "HEAD")
    others = ":(top,exclude)experiments/results"
    changes = _git("status", "--porcelain", "-uno", "--", ":/", others)
    return f"{commit}-dirty" if changes else str(commit)


def _git(*arguments: str) -> str | None:
    told = subprocess.run(
        ["git", *arguments],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() if told.returncode == 0 else None


def _machine() -> dict[str, Any]:
    packages = ("jax", "jaxlib", "flax", "optax", "numpy", "scikit-learn")
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
