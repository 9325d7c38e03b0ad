"""Picks: the exemplars of visual concepts, by their numbers, and a file of them.

The file is a JSON object:

    {"format": "dcgan_jax picks 1",
     "generator": "…",      sha256 of the parameters, as `LoadedGenerator.digest`
     "run": "faces64",      a name for people; nothing depends on it
     "step": 4000,          of the checkpoint; null for released parameters
     "seed": 0,             of the numbered samples
     "label": null,         their class, of a conditional generator
     "groups": {"positive": [3, 17, 40], "negative": […], "add": […]}}

For the axis of Fig. 8 the groups are `turn_from` and `turn_to`. A number means the
sample of that number in `sample --numbered` of the same generator, seed and label, and
nothing anywhere else: that is why the file holds all three.
"""

import dataclasses
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dcgan_jax.system import disk, errors, json_values, marks, seeds

FORMAT = "dcgan_jax picks 1"
ARITHMETIC = ("positive", "negative", "add")
TURN = ("turn_from", "turn_to")
# Samples have numbers below this: as many latents are drawn as a number asks for.
MAX_NUMBER = 99_999
MAX_EXEMPLARS = 1000  # of a group
_MAX_BYTES = 100_000

Groups = dict[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Picks:
    """Exemplars and the samples that they are numbers of.

    Attributes:
        generator: sha256 of its parameters.
        run: its name.
        step: of its checkpoint.
        seed: of the samples.
        label: of the samples.
        groups: name → numbers, with the names of `ARITHMETIC` or of `TURN`.
    """

    generator: str
    run: str
    step: int | None
    seed: int
    label: int | None
    groups: Groups


def parse_numbers(text: str, *, flag: str) -> tuple[int, ...]:
    """Read numbers as in 3,17,40.

    Raises:
        InputError: if there are none, or they are no samples' numbers.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isascii() and word.isdecimal() and len(word) < 9 for word in words):
        raise errors.InputError(
            f"--{flag}={json_values.shorten(text)}, expected samples' numbers as in "
            "3,17,40, at least 0."
        )
    return _check_group([int(word) for word in words], f"--{flag}")


def check_groups(groups: dict[str, Any], *, what: str) -> Groups:
    """Return groups that make up arithmetic or a turn.

    Args:
        groups: name → numbers.
        what: they come from, for the message.

    Raises:
        InputError: if names are missing or mixed, or a group is empty or no numbers.
    """
    wanted = TURN if set(groups) & set(TURN) else ARITHMETIC
    if set(groups) != set(wanted):
        given = json_values.shorten(list(groups)) if groups else "none"
        raise errors.InputError(
            f"{what} has exemplars for {given}; expected {', '.join(ARITHMETIC)}, or "
            f"{', '.join(TURN)}. `dcgan sample RUN --numbered` shows "
            "numbers to pick."
        )
    return {name: _check_group(groups[name], f"{what}: {name}") for name in wanted}


def save_picks(picks: Picks, path: Path) -> None:
    """Write picks whole or not at all."""
    content = {"format": FORMAT, **dataclasses.asdict(picks)}
    path.parent.mkdir(parents=True, exist_ok=True)
    disk.write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def read_picks(path: Path) -> Picks:
    """Read what `save_picks` or the explorer wrote.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it is of another version, too large, or holds other values.
    """
    values = json_values.read_json(path, _MAX_BYTES)
    if values.get("format") != FORMAT:
        found = json_values.shorten(values.get("format"))
        raise errors.InputError(f"{path} has the format {found}, expected {FORMAT!r}.")
    names = {"format", *(field.name for field in dataclasses.fields(Picks))}
    if set(values) != names:
        odd = sorted(set(values) ^ names)
        raise errors.InputError(
            f"{path} lacks or adds {json_values.shorten(odd)}; expected "
            f"{', '.join(sorted(names))}."
        )
    groups = values["groups"]
    if not isinstance(groups, dict):
        raise errors.InputError(
            f"{path}: groups is {json_values.shorten(groups)}, expected an object."
        )
    return Picks(
        generator=_read_text(values, "generator", r"[0-9a-f]{64}", path),
        run=_read_text(values, "run", r"[^\x00-\x1f\x7f]{1,200}", path),
        step=_read_optional(values, "step", path),
        seed=json_values.read_integer(values, "seed", path=path, most=seeds.MAX_SEED),
        label=_read_optional(values, "label", path),
        groups=check_groups(groups, what=str(path)),
    )


def check_generator(picks: Picks, path: Path, *, digests: Collection[str]) -> None:
    """Raise an error if picks are of another generator's samples.

    Args:
        picks: from a file.
        path: of the file, for the message.
        digests: of the generator at hand, `LoadedGenerator.digests`.

    Raises:
        InputError: naming the one that they are of.
    """
    if picks.generator not in digests:
        step = "" if picks.step is None else f" at step {picks.step}"
        raise errors.InputError(
            f"{path} holds numbers of the samples of {picks.run}{step}, another "
            "generator, whose sample of a number is another picture; give that run, or "
            "pick anew."
        )


def _check_group(numbers: Any, what: str) -> tuple[int, ...]:
    if not isinstance(numbers, list | tuple) or not (
        1 <= len(numbers) <= MAX_EXEMPLARS
    ):
        raise errors.InputError(
            f"{what} is {json_values.shorten(numbers)}, expected 1 to {MAX_EXEMPLARS} "
            "samples' numbers."
        )
    for number in numbers:
        json_values.require_integer(number, f"{what}: a number", most=MAX_NUMBER)
    if len(set(numbers)) < len(numbers):
        raise errors.InputError(
            f"{what} names a sample twice: {json_values.shorten(numbers)}."
        )
    return tuple(numbers)


def _read_text(values: dict[str, Any], name: str, pattern: str, path: Path) -> str:
    value = values[name]
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise errors.InputError(
            f"{path}: {name} is {json_values.shorten(value)}, which does not match "
            f"{pattern}."
        )
    return value


def _read_optional(values: dict[str, Any], name: str, path: Path) -> int | None:
    if values[name] is None:
        return None
    return json_values.read_integer(values, name, path=path, most=marks.MOST)
