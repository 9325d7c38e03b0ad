"""Where the result files of the experiments lie."""

from pathlib import Path
from typing import Any

from dcgan_jax.system import result_file

FOLDER = Path(__file__).parent / "results"


def save(name: str, **about: Any) -> Path:
    """Write experiments/results/NAME.json; see `result_file.save`."""
    return result_file.save(FOLDER / f"{name}.json", **about)
