"""The rows of a table of features, which are measured and saved one by one."""

import argparse
import sys
from pathlib import Path

from dcgan_jax.features import config as configs, experiment
from dcgan_jax.features.config import FeaturesConfig
from experiments import results, trained


def measure(
    name: str, rows: dict[str, FeaturesConfig], *, what: str, again: bool
) -> None:
    """Measure the rows that the result file does not hold yet, save each, print all.

    Args:
        name: the file's name in experiments/results.
        rows: what to measure, by the key in the file's numbers.
        what: one line on the table.
        again: whether all rows are measured anew.
    """
    numbers = {} if again else results.read_numbers(name)
    for key, config in rows.items():
        if key in numbers:
            print(f"{key}: measured before; --again measures anew", file=sys.stderr)
            continue
        print(f"{key}:", file=sys.stderr, flush=True)
        configs.check(config)
        trained.require(experiment.prepare(config))
        measured = experiment.measure(config)
        numbers[key] = {
            "method": measured.name,
            "protocol": measured.protocol,
            **measured.numbers,
        }
        results.save(
            name,
            what=what,
            seed=config.seed,
            protocol="the protocol of each row is beside its numbers, which are shares"
            " from 0 to 1",
            numbers=numbers,
        )
    for key, row in numbers.items():
        accuracy, std = row.get("accuracy_mean"), row.get("accuracy_std")
        if accuracy is None:
            told = f"{100 * row['validation_error']:.2f} % validation error"
        else:
            spread = "" if std is None else f" ± {100 * std:.2f}"
            told = f"{100 * accuracy:.2f}{spread} %"
        size = f"{row['feature_size']:,} features" if "feature_size" in row else ""
        print(f"{key:<36} {told:<28} {size}")


def make_parser(
    doc: str | None, *, labels_per_class: int, draws: int
) -> argparse.ArgumentParser:
    """Return a parser with the flags that the tables of features have in common.

    Args:
        doc: its description.
        labels_per_class: the paper's.
        draws: the paper's number of draws of the labels.
    """
    parser = results.make_parser(doc)
    add = parser.add_argument
    add("--source", type=Path)
    add("--data_dir", type=Path, default=Path("data"))
    add("--weights_dir", type=Path, help="the authors' files, else downloaded")
    add("--num_trials", type=int, default=64)
    add("--num_epochs", type=int, default=100)
    add("--labels_per_class", type=int, default=labels_per_class)
    add("--draws", type=int, default=draws)
    add("--only", nargs="+", help="rows to measure")
    add("--again", action="store_true")
    return parser
