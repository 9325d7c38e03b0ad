"""What is wrong with the flags of a command line, in one line."""

import difflib
import re
from collections.abc import Sequence

from dcgan_jax.cli.help_page import Flag
from dcgan_jax.system import errors


def refuse_values_of_switches(flags: Sequence[Flag], argv: Sequence[str]) -> None:
    """Raise an error for a flag that is on or off, but is given a value.

    Raises:
        InputError: naming the flag, the value and the two ways to write it.
    """
    switches = {flag.name for flag in flags if flag.is_switch}
    for word, following in zip(argv, [*argv, ""][1:], strict=True):
        name, has_value, value = word.removeprefix("--").partition("=")
        name = name.replace("-", "_").removeprefix("no_")
        is_given = has_value or following.lower() in ("true", "false")
        if word.startswith("--") and name in switches and is_given:
            raise errors.InputError(
                f"--{name} takes no value, but got {value or following!r}; write "
                f"--{name} or --no_{name}."
            )


def describe_flag_error(panel: str, flags: Sequence[Flag]) -> str:
    """Condense tyro's boxed report on a command line into one line.

    Args:
        panel: the report.
        flags: all that the command has.
    """
    lines = [line.strip("│╭╮╰╯ ") for line in panel.splitlines()[1:]]
    # Where the terminal knows ASCII alone, the box is of dashes.
    parts = re.split(r"[─-]{3,}", " ".join(line for line in lines if line))
    report = next((part.strip() for part in parts if part.strip()), "")
    match = re.match(r"Unrecognized options: (.*)", report)
    if match:
        return _describe_unknown(match[1].split(", "), flags)
    match = re.match(r"Missing from [^:]*: (.*)", report)
    if match:
        missing = re.findall(r"(?:^|\(required\) )([-\w.]+)", match[1])
        return f"missing: {', '.join(missing)}"
    match = re.match(r"(?:Error parsing|.* for argument) '?([-\w.]+)", report)
    named = {flag.name: flag for flag in flags}
    flag = named.get(match[1].removeprefix("--")) if match else None
    if flag is None:
        return report or "the command line cannot be read"
    if report.startswith("Missing value"):
        return f"no value is given; expected {flag.shown}"
    given = re.findall(r"'([^']*)'", report)[0]
    hint = _suggest(given, flag.values.split("|"))
    expected = f"{hint} Expected" if hint else "; expected"
    return f"{given!r} is no value of --{flag.name}{expected} {flag.values}"


def _describe_unknown(words: Sequence[str], flags: Sequence[Flag]) -> str:
    word = next((word for word in words if word.startswith("--")), None)
    if word is None:
        return f"nothing is expected here: {words[0]}"
    name = word.removeprefix("--").partition("=")[0].replace("-", "_")
    names = [flag.name for flag in flags if not flag.is_positional]
    return f"unknown flag {word}{_suggest(name, names, dashes='--')}"


def _suggest(word: str, known: Sequence[str], *, dashes: str = "") -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {dashes}{close[0]}?" if close else ""
