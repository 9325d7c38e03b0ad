"""What the experiments share: their flags' parser, and where their results lie."""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from dcgan_jax.system import result_file

FOLDER = Path(__file__).parent / "results"


def make_parser(doc: str | None, **options: Any) -> argparse.ArgumentParser:
    """Return a parser whose --help shows a script's docstring as it is written."""
    return argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def read_numbers(name: str) -> dict[str, Any]:
    """Return the numbers that experiments/results/NAME.json holds; none without it."""
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found.get("numbers", {})


def save(name: str, **about: Any) -> Path:
    """Write experiments/results/NAME.json, made by the command line of this process.

    Args:
        name: the file's name.
        about: as of `result_file.save`; `command` is another command line.
    """
    about = {"command": shlex.join(["python", *sys.argv]), **about}
    return result_file.save(FOLDER / f"{name}.json", **about)
