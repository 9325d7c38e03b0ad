"""What is shown and picked, as the part of the page's address after "?".

run, step, ema, follow     the generator; step is left out while the newest is shown
seed, label                the samples
picks                      A3.17~B5: a group's letter and its numbers
others                     7_2:A3.17~B5;…: those of other seeds, and classes after _
tab                        which the page itself writes and reads
"""

import re
import urllib.parse
from collections.abc import Mapping
from typing import NamedTuple

from dcgan_jax.explore.session import Session, Which
from dcgan_jax.system import seeds

# The page's words for the groups in a file of picks.
CONCEPTS = {
    "A": "positive",
    "B": "negative",
    "C": "add",
    "from": "turn_from",
    "to": "turn_to",
}
_GROUP = re.compile(r"(A|B|C|from|to)(\d{1,6}(?:\.\d{1,6})*)")
_SAMPLES = re.compile(r"(\d{1,20})(?:_(\d{1,4}))?:(.*)")
_MOST = 8000  # letters of an address; servers and browsers take so many


class Asked(NamedTuple):
    """What an address asks for.

    Attributes:
        which: the generator; None for that of the command line.
        session: the samples and picks; None where it names none.
        follow: whether the newest checkpoint is shown.
    """

    which: Which | None
    session: Session | None
    follow: bool


def write(session: Session, *, follow: bool) -> str:
    """Return the part of an address that `read` reads."""
    which = session.which
    parts: dict[str, object] = {}
    if which is not None:
        parts["run"] = which.run
        if which.step is not None:
            parts["step"] = which.step
        if which.ema:
            parts["ema"] = 1
        if not follow:
            parts["follow"] = 0
    parts["seed"] = session.seed
    if session.label is not None:
        parts["label"] = session.label
    if picks := _write_groups(session.groups):
        parts["picks"] = picks
    others = [
        f"{seed}{'' if label is None else f'_{label}'}:{_write_groups(groups)}"
        for (seed, label), groups in session.others.items()
        if any(groups.values())
    ]
    if others:
        parts["others"] = ";".join(others)
    text = urllib.parse.urlencode(parts, safe="/:;~_.")
    return text if len(text) <= _MOST else f"seed={session.seed}"


def read(query: str) -> Asked:
    """Read an address; parts that cannot be read are left out."""
    found = dict(urllib.parse.parse_qsl(query.lstrip("?")))
    follow = found.get("follow") != "0"
    which = None
    if "run" in found:
        step = _read_number(found.get("step"), most=10**15)
        which = Which(found["run"], None if follow else step, found.get("ema") == "1")
    seed = _read_number(found.get("seed"), most=seeds.MAX_SEED)
    if seed is None:
        return Asked(which, None, follow)
    others = {}
    for text in found.get("others", "").split(";"):
        match = _SAMPLES.fullmatch(text)
        if match:
            label = None if match[2] is None else int(match[2])
            others[int(match[1]), label] = _read_groups(match[3])
    session = Session(
        seed,
        _read_number(found.get("label"), most=9999),
        _read_groups(found.get("picks", "")),
        others=others,
    )
    return Asked(which, session, follow)


def _write_groups(groups: Mapping[str, tuple[int, ...]]) -> str:
    return "~".join(
        letter + ".".join(map(str, groups[name]))
        for letter, name in CONCEPTS.items()
        if groups.get(name)
    )


def _read_groups(text: str) -> dict[str, tuple[int, ...]]:
    matches = map(_GROUP.fullmatch, text.split("~"))
    return {
        CONCEPTS[match[1]]: tuple(dict.fromkeys(map(int, match[2].split("."))))
        for match in matches
        if match
    }


def _read_number(text: str | None, *, most: int) -> int | None:
    is_number = text is not None and text.isascii() and text.isdecimal()
    return int(text) if text is not None and is_number and int(text) <= most else None
