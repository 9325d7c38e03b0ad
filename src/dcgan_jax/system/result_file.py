"""Result files, which say what was measured, how, on which machine and commit."""

import contextlib
import datetime
import importlib.metadata
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcgan_jax import __version__
from dcgan_jax.system import disk, nvidia, surroundings

# This is all of an absolute path but what follows its last slash.
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
        path: the file's path.
        what: one line on what the numbers are.
        command: the command line that makes them.
        seed: the run's seed.
        protocol: how the numbers were taken.
        numbers: the results.

    All strings lose the folders of absolute paths.
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
    text = json.dumps(strip_folders(content), indent=2)
    disk.write_whole(path, (text + "\n").encode())
    return path


@contextlib.contextmanager
def kept_by_printing(shown: str) -> Iterator[None]:
    """Print a result if its file cannot be written, since it may have taken hours."""
    try:
        yield
    except OSError:
        print(shown, flush=True)
        raise


def strip_folders(value: Any) -> Any:
    """Shorten absolute paths in the strings of a JSON value to their last part.

    Nobody else needs to know where files lie on one machine.
    """
    if isinstance(value, dict):
        return {key: strip_folders(part) for key, part in value.items()}
    if isinstance(value, list):
        return [strip_folders(part) for part in value]
    return _FOLDERS.sub("", value) if isinstance(value, str) else value


def find_commit() -> str:
    """Return the commit of the source tree, marked if the code differs from it.

    An installed package has no commit, so its version takes the place of one.
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
        "cores": surroundings.count_cores(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in packages},
        **_accelerator(),
    }


def _accelerator() -> dict[str, str]:
    """Name the accelerator that this process computes on, where it has one."""
    jax = sys.modules.get("jax")  # a process without JAX has computed nothing
    if jax is None or jax.default_backend() == "cpu":
        return {}
    device = jax.devices()[0]
    found = {"gpu": device.device_kind, **_ask_driver(), "float32": _name_float32()}
    version = getattr(getattr(device, "client", None), "platform_version", "")
    cuda = re.search(r"cuda (\d+)", version)
    if cuda:  # as in 13010
        number = int(cuda.group(1))
        found["cuda"] = f"{number // 1000}.{number % 1000 // 10}"
    return found


def _name_float32() -> str:
    """Say how products of float32 that ask for no precision are computed on a GPU.

    Training in float32_full asks for it, and so do products that promise exactness.
    """
    import jax

    asked = jax.config.read("jax_default_matmul_precision")
    return "full" if asked in ("highest", "float32") else "TF32 unless asked for full"


def _ask_driver() -> dict[str, str]:
    """Return the first NVIDIA GPU's memory and driver; nothing without its tool."""
    found = nvidia.ask_first("memory.total", "driver_version")
    return {} if found is None else {"gpu_memory": found[0], "driver": found[1]}


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
