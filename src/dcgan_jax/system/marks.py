"""Marks in the annotation of a setting: its bounds, and what it may change.

They stand as in `num: Annotated[int, Bounds(at_least=1), OPERATIONAL] = 3`. This module
needs the standard library only.
"""

import dataclasses
import math
import typing
from typing import Any, TypeVar

from dcgan_jax.system import errors

Mark = TypeVar("Mark")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """The bounds of a finite number; None means that there is no such bound."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def find_broken(self, value: float) -> str | None:
        """Return the first bound that a value breaks, in words, or None."""
        if self.at_least is not None and not self.at_least <= value < math.inf:
            return f"at least {self.at_least}"
        if self.above is not None and not self.above < value < math.inf:
            return f"above {self.above}"
        if self.at_most is not None and not value <= self.at_most:
            return f"at most {self.at_most}"
        if self.below is not None and not value < self.below:
            return f"below {self.below}"
        return None


MOST = 2**31 - 1  # a device counts in 32 bits
# A number of things that are streamed, or that the data or the memory bound further.
COUNT = Bounds(at_least=1, at_most=MOST)


@dataclasses.dataclass(frozen=True)
class Role:
    """Mark a setting that a resumed run may change, since nothing learnt depends on it.

    Attributes:
        is_local: whether the processes of one run may have different values.
    """

    is_local: bool = False


OPERATIONAL, LOCAL = Role(), Role(is_local=True)


@dataclasses.dataclass(frozen=True)
class OnlyOf:
    """Mark a setting that other architectures do not have, and keep at its default."""

    architectures: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Formerly:
    """Mark what runs older than a setting did, where that is not the default."""

    value: str


def check_bounds(config: Any, prefix: str = "") -> None:
    """Raise an error for the first field of a dataclass that breaks its bounds.

    Args:
        config: the dataclass, whose fields may be dataclasses again. A field that is
            None or a text breaks no bound; each value of a tuple is looked at.
        prefix: what the flags' names begin with.

    Raises:
        InputError: if one does; the message names the flag, its value and the bound.
    """
    bounds = find_marks(type(config), Bounds)
    for field in dataclasses.fields(config):
        given, name = getattr(config, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(given):
            check_bounds(given, f"{name}.")
        if field.name not in bounds or given is None or isinstance(given, str):
            continue
        for value in given if isinstance(given, tuple) else (given,):
            broken = bounds[field.name].find_broken(value)
            if broken is not None:
                raise errors.InputError(f"--{name}={value}; it must be {broken}.")


def find_marks(config_type: type[Any], kind: type[Mark]) -> dict[str, Mark]:
    """Return the marks of a kind that stand in the annotations of a dataclass's fields.

    Args:
        config_type: the dataclass.
        kind: the class of the marks, as in `Annotated[int, MARK]`.

    Returns:
        Field → its first mark of that kind, for the fields that have one.
    """
    hints = typing.get_type_hints(config_type, include_extras=True)
    found: dict[str, Mark] = {}
    for field in dataclasses.fields(config_type):
        marks = getattr(hints[field.name], "__metadata__", ())
        for mark in reversed([mark for mark in marks if isinstance(mark, kind)]):
            found[field.name] = mark
    return found
