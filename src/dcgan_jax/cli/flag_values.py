"""What holds for a flag of any command: `~` is a home folder, numbers are in bounds."""

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

from dcgan_jax.system import disk, errors, marks, seeds

T = TypeVar("T")
# Flags that name what a command writes.
_WRITTEN = frozenset({"out", "workdir"})


def settle_values(config: T) -> T:
    """Return the flags of a command with `~` expanded, or refuse a number.

    A shell expands `~` only where it begins a word, so not in --out=~/grid.png.

    Args:
        config: a dataclass.

    Raises:
        InputError: if a number breaks the bounds that stand beside its field, or
            nothing can be written where a flag says; then no work would be lost.
    """
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        return config
    marks.check_bounds(config)
    changed = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name == "seed" or field.name.endswith("_seed"):
            seeds.check(value, name=f"--{field.name}")
        settled = _expand(value)
        if field.name in _WRITTEN and isinstance(settled, Path):
            disk.require_writable(settled, name=f"--{field.name}")
        if settled != value:
            changed[field.name] = settled
    return dataclasses.replace(config, **changed)


def _expand(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_expand(one) for one in value)
    if not str(value).startswith("~") or not isinstance(value, (str, Path)):
        return value
    try:
        return type(value)(Path(value).expanduser())
    except RuntimeError:
        raise errors.InputError(
            f"{value} names a home folder that is not known here; give the whole path."
        ) from None
