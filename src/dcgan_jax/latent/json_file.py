"""Reading small JSON files that others have written."""

import json
from pathlib import Path
from typing import Any, NoReturn

from dcgan_jax import errors


def read_json(path: Path, max_bytes: int) -> dict[str, Any]:
    """Read a JSON object of at most `max_bytes`.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it is longer, is no JSON object, or holds NaN or infinity, which
            JSON does not know but Python's reader accepts.
    """
    if not path.is_file():
        raise errors.MissingInputError(f"there is no file {path}.")
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise errors.InputError(f"{path} is longer than {max_bytes:,} bytes.")
    try:
        value = json.loads(content, parse_constant=_refuse)
    except RecursionError:
        raise errors.InputError(f"{path} is nested too deeply.") from None
    except ValueError as error:  # of syntax, of encoding, of integers of many digits
        raise errors.InputError(f"{path} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise errors.InputError(
            f"{path} holds a JSON {type(value).__name__}, expected an object."
        )
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
