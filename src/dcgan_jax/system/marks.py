"""Marks beside a setting's field, in its annotation: bounds, and what it is for.

As in `num: Annotated[int, Bounds(at_least=1), OPERATIONAL] = 3`. Standard library only.
"""

import dataclasses
import math
import typing
from typing import Any, TypeVar

from dcgan_jax.system import errors

Mark = TypeVar("Mark")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a number must be, besides finite; None: there is no such bound."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def find_broken(self, value: float) -> str | None:
        """Return the first bound that a value breaks, in words; None if it is well."""
        if self.at_least is not None and not self.at_least <= value < math.inf:
            return f"at least {self.at_least}"
        if self.above is not None and not self.above < value < math.inf:
            return f"above {self.above}"
        if self.at_most is not None and not value <= self.at_most:
            return f"at most {self.at_most}"
        if self.below is not None and not value < self.below:
            return f"below {self.below}"
        return None


@dataclasses.dataclass(frozen=True)
class Role:
    """A setting that a resumed run may change: it touches nothing that is learnt.

    Attributes:
        is_local: the processes of one run may each have a value of their own.
    """

    is_local: bool = False


OPERATIONAL, LOCAL = Role(), Role(is_local=True)


@dataclasses.dataclass(frozen=True)
class OnlyOf:
    """A choice that other architectures do not have; there it stays at its default."""

    architectures: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Formerly:
    """What runs did that are older than the setting, where it is not the default."""

    value: str


def check_bounds(config: Any, prefix: str = "") -> None:
    """Raise an error for the first field of a dataclass that breaks its bounds.

    Args:
        config: the dataclass; fields that are None break none.
        prefix: of the flags' names.

    Raises:
        InputError: naming the flag, its value and the bound.
    """
    for name, bounds in find_marks(type(config), Bounds).items():
        value = getattr(config, name)
        broken = None if value is None else bounds.find_broken(value)
        if broken is not None:
            raise errors.InputError(f"--{prefix}{name}={value}; it must be {broken}.")


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
