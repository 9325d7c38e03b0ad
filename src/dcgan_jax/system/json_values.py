"""JSON that anybody may have written → values of the types that a dataclass declares.

Files are bounded in size. Standard library only.
"""

import dataclasses
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any, NoReturn

from dcgan_jax.system import errors

MAX_BYTES = 1_000_000
_PLAIN = {int: "a whole number", str: "a text", bool: "true or false"}


def parse(content: str | bytes, *, finite: bool = False) -> dict[str, Any]:
    """Read the text of a JSON object.

    Args:
        content: the text; bytes in one of Unicode's encodings.
        finite: refuse NaN and infinity, which Python's JSON has besides numbers.

    Raises:
        ValueError: if it is anything else, or nested too deeply.
    """
    try:
        values = json.loads(content, parse_constant=_refuse if finite else None)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError(f"it holds {shorten(values)}, expected a JSON object")
    return values


def build(hint: Any, value: Any, what: str) -> Any:
    """Turn a value of JSON into one of a type, such as a dataclass and all its fields.

    Args:
        hint: the type: a dataclass, or what its fields may be annotated with.
        value: the value as JSON has it; floats must be finite.
        what: what the message calls the value.

    Raises:
        ValueError: if a value is of another type, missing or unknown; the message names
            the first.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        return _build_either(arguments, value, what)
    if origin is typing.Literal:
        if not any(type(value) is type(one) and value == one for one in arguments):
            raise _wrong(value, what, f"one of {', '.join(map(repr, arguments))}")
        return value
    if origin in (tuple, list):
        return _build_sequence(origin, arguments, value, what)
    return _build_object(hint, value, what)


def shorten(value: Any) -> str:
    """Write a value of unknown origin in one short line."""
    try:
        text = repr(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= 60 else f"{text[:57]}…"


def read_json(
    path: Path, max_bytes: int = MAX_BYTES, *, finite: bool = True
) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file's path.
        max_bytes: the most bytes that it may hold.
        finite: as of `parse`.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it is too large or holds anything but an object of finite
            numbers, texts, lists and objects.
    """
    if not path.is_file():
        raise errors.MissingInputError(f"there is no file {path}.")
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise errors.InputError(
            f"{path} holds more than {max_bytes:,} bytes, which no such file needs."
        )
    try:
        return parse(content, finite=finite)
    except ValueError as error:
        raise errors.InputError(f"{path} is not JSON as expected: {error}.") from None


def read_integer(values: dict[str, Any], name: str, *, path: Path, most: int) -> int:
    """Return a whole number of an object, from 0 to `most`.

    Raises:
        InputError: if it is missing or anything else.
    """
    return require_integer(values.get(name), f"{path}: {name}", most=most)


def require_integer(value: Any, what: str, *, most: int) -> int:
    """Return a value that is a whole number from 0 to `most`.

    Args:
        value: the value as JSON has it.
        what: what the message calls it.
        most: the largest number that is allowed.

    Raises:
        InputError: if it is anything else; True and 1.0 are no whole numbers here.
    """
    if type(value) is not int or not 0 <= value <= most:
        raise errors.InputError(
            f"{what} is {shorten(value)}, expected a whole number from 0 to {most:,}."
        )
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _build_either(hints: tuple[Any, ...], value: Any, what: str) -> Any:
    if value is None and types.NoneType in hints:
        return None
    others = [hint for hint in hints if hint is not types.NoneType]
    for hint in others[:-1]:
        try:
            return build(hint, value, what)
        except ValueError:
            continue
    return build(others[-1], value, what)


def _build_object(hint: Any, value: Any, what: str) -> Any:
    """Make a dictionary or a dataclass; any other type has plain values."""
    is_dictionary = typing.get_origin(hint) is dict
    if not is_dictionary and not dataclasses.is_dataclass(hint):
        return _build_plain(hint, value, what)
    if not isinstance(value, dict):
        raise _wrong(value, what, "an object")
    if is_dictionary:
        _, inner = typing.get_args(hint)
        return {key: build(inner, part, f"{what}.{key}") for key, part in value.items()}
    return _build_dataclass(hint, value, what)


def _build_dataclass(hint: Any, value: dict[str, Any], what: str) -> Any:
    hints = typing.get_type_hints(hint)
    fields = {field.name: field for field in dataclasses.fields(hint)}
    lacking = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
        and name not in value
    ]
    unknown = [name for name in value if name not in fields]
    for names, problem in ((lacking, "lacks"), (unknown, "has the unknown field")):
        if names:
            raise ValueError(f"{what} {problem} {shorten(names[0])}")
    return hint(**{n: build(hints[n], part, n) for n, part in value.items()})


def _build_sequence(
    kind: type, hints: tuple[Any, ...], value: Any, what: str
) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(value, what, "a list")
    if kind is list or hints[1:] == (...,):
        hints = (hints[0],) * len(value)
    if len(value) != len(hints):
        raise _wrong(value, what, f"a list of {len(hints)}")
    pairs = enumerate(zip(hints, value, strict=True))
    parts = [build(hint, part, f"{what}[{number}]") for number, (hint, part) in pairs]
    return parts if kind is list else tuple(parts)


def _build_plain(hint: Any, value: Any, what: str) -> Any:
    if hint is float:
        # Whole numbers stay what they are: the text of a config must not change.
        if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
            raise _wrong(value, what, "a finite number")
        return value
    if hint is Path:
        if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
            raise _wrong(value, what, "a path")
        return Path(value)
    if type(value) is not hint or (hint is int and abs(value) >= 2**63):
        raise _wrong(value, what, _PLAIN[hint])
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _wrong(value: Any, what: str, expected: str) -> ValueError:
    return ValueError(f"{what} is {shorten(value)}, expected {expected}")
