"""Small JSON files from anywhere: bounded in size, and of the kinds expected."""

from pathlib import Path
from typing import Any

from dcgan_jax.system import errors, json_values

MAX_BYTES = 1_000_000


def read_json(path: Path, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: of the file.
        max_bytes: the most that it may hold.

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
        return json_values.parse(content, finite=True)
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
        value: as JSON has it.
        what: it is, for the message.
        most: the largest that is meant.

    Raises:
        InputError: if it is anything else; True and 1.0 are no whole numbers.
    """
    if type(value) is not int or not 0 <= value <= most:
        raise errors.InputError(
            f"{what} is {json_values.shorten(value)}, expected a whole number from 0 to"
            f" {most:,}."
        )
    return value
