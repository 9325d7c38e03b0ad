"""The tables of docs/recipes.md on what goes beyond the paper.

Each function takes `read`: the name of a result → what is in its file; None if there is
none.
"""

import statistics
from collections.abc import Callable
from typing import Any

Read = Callable[[str], dict[str, Any] | None]
_MISSING = "–"


def make_more(read: Read) -> str:
    """Return the table of settings on 500 pictures."""
    lines = ["| 500 pictures | flags | generator | its average |", "|---|---|---|---|"]
    variants = _numbers(read, "more_than_the_paper").get("variants", {})
    for name, row in variants.items():
        last = row["median"][max(row["median"], key=int)]
        cells = [f"{last[which]:.1f}" for which in ("generator", "average")]
        lines.append(f"| {name} | {_join(row['flags'])} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def make_modes(read: Read) -> str:
    """Return the table of modes of stacked digits."""
    lines = ["| stacked MNIST | flags | modes of 1,000 | KL, nats |", "|---" * 4 + "|"]
    numbers = _numbers(read, "modes")
    for name, row in numbers.items():
        count, divergence = (
            statistics.median(run[key] for run in row["by_seed"])
            for key in ("modes", "modes_kl")
        )
        flags = _join(row["flags"])
        lines.append(f"| {name} | {flags} | {count:,.0f} | {divergence:.2f} |")
    if numbers:
        real = next(iter(numbers.values()))["by_seed"][0]
        counted = f"{real['real_modes']:,} | {real['real_modes_kl']:.2f} |"
        lines.append(f"| real images |  | {counted}")
    return "\n".join(lines) + "\n"


def make_few(read: Read) -> str:
    """Return the table of few pictures: distance, and nearest ones of both kinds."""
    numbers = _numbers(read, "few_pictures")
    by_count = numbers.get("by_count", {})
    heads = [f"{int(count):,} pictures" for count in by_count]
    lines = [f"| | {' | '.join(['flags', *heads])} |", "|---" * (2 + len(heads)) + "|"]
    for name, flags in numbers.get("flags", {}).items():
        cells = [_tell(of_count.get(name)) for of_count in by_count.values()]
        lines.append(f"| {' | '.join([name, _join(flags), *cells])} |")
    return "\n".join(lines) + "\n"


def make_equal(read: Read) -> str:
    """Return the table of recipes that were trained for the same time."""
    lines = [
        "| pictures | recipe | flags | steps | generator | its average |",
        "|---" * 6 + "|",
    ]
    for source, rows in _numbers(read, "equal_time").items():
        for name, row in rows["recipes"].items():
            steps, *distances = (
                statistics.median(run[key] for run in row["by_seed"].values())
                for key in ("steps", "generator", "average")
            )
            cells = [_join(row["flags"]), f"{steps:,.0f}"]
            cells += [f"{distance:.1f}" for distance in distances]
            lines.append(f"| {source} | {name} | {' | '.join(cells)} |")
        real = rows["distance_of_other_real_images"]
        lines.append(f"| {source} | other real images | | | {real:.1f} | |")
    return "\n".join(lines) + "\n"


def _tell(row: dict[str, Any] | None) -> str:
    """Return a distance, and the nearest pictures trained on and not trained on."""
    if row is None or not row["median"]:
        return _MISSING
    found = row["median"]
    near = f"{found['nearest']:.1f} / {found['nearest_of_unseen']:.1f}"
    return f"{found['distance']:.1f} ({near})"


def _join(flags: list[str]) -> str:
    return f"`{' '.join(flags)}`" if flags else ""


def _numbers(read: Read, name: str) -> dict[str, Any]:
    return (read(name) or {}).get("numbers", {})
