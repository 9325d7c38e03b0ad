"""The parser of the experiments' flags, and the files of their results.

The folder that EXPERIMENT_RESULTS names in the environment takes the results in place
of experiments/results, so that a trial leaves the measured ones alone.
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from dcgan_jax.system import result_file

FOLDER = Path(os.environ.get("EXPERIMENT_RESULTS") or Path(__file__).parent / "results")


def make_parser(doc: str | None, **options: Any) -> argparse.ArgumentParser:
    """Return a parser whose --help shows a script's docstring as it is written."""
    return argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def read_numbers(name: str) -> dict[str, Any]:
    """Return the numbers of experiments/results/NAME.json; none if it is not there."""
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found.get("numbers", {})


def save(name: str, **about: Any) -> Path:
    """Write experiments/results/NAME.json, made by the command line of this process.

    Args:
        name: the file's name.
        about: the arguments of `result_file.save`; `command` may be another one.
    """
    about = {"command": shlex.join(["python", *sys.argv]), **about}
    return result_file.save(FOLDER / f"{name}.json", **about)
