"""Errors that a user can mend: a line says what is wrong, and what to do about it."""

import re

_MAX_CHARACTERS = 2000


class InputError(ValueError):
    """Report a value, file or folder that cannot be used as given."""

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(str(message)))


class MissingInputError(InputError, FileNotFoundError):
    """Report a file or folder that is not there."""

    # OSError.__str__ would print errno fields that were never given.
    __str__ = Exception.__str__


class NonFiniteError(ArithmeticError):
    """Report a loss or gradient that became NaN or infinite during training."""


def first_line(error: Exception) -> str:
    """Return the first line of an error's message; those of libraries may be long."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def one_line(text: str) -> str:
    """Turn a text into one line of printable characters, shortened in the middle.

    Names in other people's files may hold anything: line breaks, a terminal's control
    codes, a megabyte of letters.
    """
    if len(text) > _MAX_CHARACTERS:
        end = _MAX_CHARACTERS // 3
        text = f"{text[: _MAX_CHARACTERS - end]} … {text[-end:]}"
    if text.isprintable():
        return text
    text = re.sub(r"\s*[\r\n]+\s*", " ", text.strip("\r\n"))
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )


class BrokenImage(ValueError):  # noqa: N818 - it is a finding, not a failure
    """Report an image that cannot be read or decoded; it is left out and listed."""

    def __init__(self, reason: str, *, name: str | None = None) -> None:
        super().__init__(reason)
        self.name = name
