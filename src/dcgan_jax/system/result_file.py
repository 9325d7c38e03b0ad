"""Result files: what was measured, how, on what, from which commit."""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from dcgan_jax import __version__
from dcgan_jax.system import disk

# Of an absolute path, all but what follows the last slash.
_FOLDERS = re.compile(r"(?<![\w.~/])/(?:[^/\s:,;)'\"]+/)*(?=[^/\s])")


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
        numbers: the results; strings in all of it lose the folders of absolute paths.
    """
    content = {
        "what": what,
        "command": command,
        "seed": seed,
        "commit": find_commit(),
        "machine": _machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "protocol": protocol,
        "numbers": numbers,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(without_folders(content), indent=2)
    disk.write_whole(path, (text + "\n").encode())
    return path


def without_folders(value: Any) -> Any:
    """Shorten absolute paths in the strings of a JSON value to their last part.

    Where files lie on one machine is nothing to others.
    """
    if isinstance(value, dict):
        return {key: without_folders(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_folders(part) for part in value]
    return _FOLDERS.sub("", value) if isinstance(value, str) else value


def find_commit() -> str:
    """Return the commit of the source tree, marked where code differs from it.

    An installed package has none: its version stands for it.
    """
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return f"version {__version__}"
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
        **_accelerator(),
    }


def _accelerator() -> dict[str, str]:
    """Name the accelerator that this process computes on, where it has one."""
    jax = sys.modules.get("jax")  # a process without JAX has computed nothing
    if jax is None or jax.default_backend() == "cpu":
        return {}
    return {"gpu": jax.devices()[0].device_kind}


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
