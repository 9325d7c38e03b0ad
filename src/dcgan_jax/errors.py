"""Errors that a user can mend: one line says what, what was expected, what to do."""


class InputError(ValueError):
    """Report a value, file or folder that cannot be used as given."""


class MissingInputError(InputError, FileNotFoundError):
    """Report a file or folder that is not there."""

    # OSError.__str__ would print errno fields that were never given.
    __str__ = Exception.__str__


class NonFiniteError(ArithmeticError):
    """Report a loss or gradient that became NaN or infinite during training."""


def first_line(error: Exception) -> str:
    """Return the first line of what a library says; some of them say several."""
    return next(iter(str(error).splitlines()), type(error).__name__)
