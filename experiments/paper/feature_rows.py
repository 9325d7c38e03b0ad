"""Rows of a table of features, measured one by one and kept when stopped."""

import json
import sys
from typing import Any

from dcgan_jax.features import config as configs, experiment
from dcgan_jax.features.config import FeaturesConfig
from experiments import results


def measure(
    name: str, rows: dict[str, FeaturesConfig], *, what: str, again: bool
) -> dict[str, Any]:
    """Measure the rows that the result file does not hold yet, and save each.

    Args:
        name: of the file in experiments/results.
        rows: what to measure, by the key in the file's numbers.
        what: one line on the table.
        again: measure all rows anew.

    Returns:
        The numbers of all rows.
    """
    path = results.FOLDER / f"{name}.json"
    known = json.loads(path.read_text())["numbers"] if path.is_file() else {}
    numbers = {} if again else known
    for key, config in rows.items():
        if key in numbers:
            print(f"{key}: measured before; --again measures anew", file=sys.stderr)
            continue
        print(f"{key}:", file=sys.stderr, flush=True)
        configs.check(config)
        code = experiment.prepare(config)
        if code != 0:
            sys.exit(code)
        measured = experiment.measure(config)
        numbers[key] = {
            "method": measured.name,
            "protocol": measured.protocol,
            **measured.numbers,
        }
        results.save(
            name,
            what=what,
            command=" ".join(["python", *sys.argv]),
            seed=config.seed,
            protocol="of each row beside its numbers; shares from 0 to 1",
            numbers=numbers,
        )
    return numbers


def show(numbers: dict[str, Any]) -> None:
    """Print a line for each row."""
    for key, row in numbers.items():
        accuracy, std = row.get("accuracy_mean"), row.get("accuracy_std")
        if accuracy is None:
            told = f"{100 * row['validation_error']:.2f} % validation error"
        else:
            spread = "" if std is None else f" ± {100 * std:.2f}"
            told = f"{100 * accuracy:.2f}{spread} %"
        size = f"{row['feature_size']:,} features" if "feature_size" in row else ""
        print(f"{key:<36} {told:<28} {size}")
