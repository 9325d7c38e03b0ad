"""What --help shows: a command's examples, then its flags in groups, wrapped to fit.

A flag's group is the dataclass that declares it, and its text is the docstring below
the field, so that neither is written twice.
"""

import ast
import dataclasses
import functools
import inspect
import shutil
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union

import tyro

_MAX_WIDTH = 100
_MAX_CHOICES_WIDTH = 48
_NAMES = {bool: "", int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}


def format_page(
    config_type: type[Any], default: Any, *, command: str, program: str
) -> str:
    """Return the page of a command.

    Args:
        config_type: the dataclass whose fields are the flags. Its docstring describes
            the command, and its section `Examples:` holds command lines of `dcgan`.
        default: the values without flags, or None where the fields' own hold.
        command: its name, such as `latent walk`.
        program: how it was called, such as `python -m dcgan_jax.latent walk`.
    """
    width = min(shutil.get_terminal_size().columns, _MAX_WIDTH) - 1
    docstring = inspect.cleandoc(config_type.__doc__ or "")
    what, _, examples = docstring.partition("\n\nExamples:\n")
    flags = list_flags(config_type, default)
    arguments = [flag.shown for flag in flags if flag.is_positional]
    lines = [f"usage: {' '.join([program, *arguments, '[FLAGS]'])}", ""]
    lines += [*_wrap(what, width, indent=0), "", "Examples"]
    lines += [
        f"  {line.strip().replace(f'dcgan {command}', program, 1)}"
        for line in examples.splitlines()
    ]
    for title, group in _group(config_type, flags).items():
        lines += ["", *_wrap(title, width, indent=0)]
        for flag in group:
            lines += [f"  {flag.shown}", *_wrap(flag.text, width, indent=6)]
    lines += ["", "Help", "  -h, --help", *_wrap("Show this page.", width, indent=6)]
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Flag:
    """A flag or argument of a command.

    Attributes:
        name: without dashes.
        shown: its name and what follows it.
        values: the kinds of its values, or all of its choices, with a | between.
        text: what it does, its choices and its default.
        owner: the dataclass that declares it.
        is_switch: it takes no value; `--no_…` turns it off.
        is_positional: it has no dashes.
    """

    name: str
    shown: str
    values: str
    text: str
    owner: type[Any]
    is_switch: bool
    is_positional: bool


def list_texts(config_type: type[Any]) -> dict[str, str]:
    """Return the docstrings of a dataclass's fields, those of its bases too."""
    texts: dict[str, str] = {}
    for owner in reversed(config_type.__mro__):
        if dataclasses.is_dataclass(owner):
            texts |= _read_texts(owner)
    return texts


@functools.cache
def _read_texts(owner: type[Any]) -> dict[str, str]:
    try:
        source = inspect.getsource(owner)
    except OSError:  # an installation without sources
        return {}
    tree = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(tree, ast.ClassDef)
    texts = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                texts[name] = " ".join(text.split())
    return texts


def list_flags(config_type: type[Any], default: Any) -> list[Flag]:
    """Return the flags of a command, in the order of its dataclass's fields.

    Args:
        config_type: as for `format_page`.
        default: as for `format_page`.
    """
    return list(_walk(config_type, default))


def _walk(config_type: type[Any], default: Any, prefix: str = "") -> Iterator[Flag]:
    texts = list_texts(config_type)
    hints = typing.get_type_hints(config_type, include_extras=True)
    for field in dataclasses.fields(config_type):
        value = _find_default(field, default)
        if dataclasses.is_dataclass(value):
            yield from _walk(type(value), value, f"{prefix}{field.name}.")
        elif not any(map(dataclasses.is_dataclass, _split(hints[field.name])[0])):
            owner = next(
                owner
                for owner in config_type.__mro__
                if field.name in inspect.get_annotations(owner)
            )
            yield _make_flag(
                prefix + field.name,
                hints[field.name],
                value,
                text=texts.get(field.name, ""),
                owner=owner,
            )


def _find_default(field: "dataclasses.Field[Any]", default: Any) -> Any:
    if default is not None:
        return getattr(default, field.name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _make_flag(
    name: str, hint: Any, value: Any, *, text: str, owner: type[Any]
) -> Flag:
    kinds, metavar, is_positional = _split(hint)
    texts = [text]
    values = words = "|".join(map(_name_kind, kinds))
    if bool in kinds:
        shown = f"--{name}, --no_{name}"
        told = f"--{name}" if value else f"--no_{name}"
    else:
        if len(words) > _MAX_CHOICES_WIDTH or "," in words:
            texts.append(f"The choices are: {values.replace('|', ' | ')}.")
            words = "CHOICE"
        words = metavar or words
        is_list = any(typing.get_origin(kind) is tuple for kind in kinds)
        shown = words if is_positional else f"--{name}{' ' if is_list else '='}{words}"
        told = str(value)
    if value is dataclasses.MISSING:
        texts.append("" if is_positional else "This flag is required.")
    elif value is not None:
        texts.append(f"The default is {told}.")
    return Flag(
        name=name,
        shown=shown,
        values=values,
        text=" ".join(filter(None, texts)),
        owner=owner,
        is_switch=bool in kinds,
        is_positional=is_positional,
    )


def _split(hint: Any) -> tuple[list[Any], str | None, bool]:
    """Return a hint's types without None, its metavar, and if it has no dashes."""
    metavar, is_positional = None, False
    if typing.get_origin(hint) is Annotated:
        hint, *marks = typing.get_args(hint)
        metavar = next(filter(None, (getattr(m, "metavar", None) for m in marks)), None)
        is_positional = tyro.conf.Positional in marks
    kinds = (
        typing.get_args(hint)
        if typing.get_origin(hint) in (Union, UnionType)
        else (hint,)
    )
    return [kind for kind in kinds if kind is not type(None)], metavar, is_positional


def _name_kind(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return "|".join(map(str, typing.get_args(kind)))
    if typing.get_origin(kind) is tuple:
        return f"{_name_kind(typing.get_args(kind)[0])} …"
    return _NAMES[kind]


def _group(config_type: type[Any], flags: list[Flag]) -> dict[str, list[Flag]]:
    """Put flags below titles: arguments, the command's own, those of its bases."""
    groups: dict[str, list[Flag]] = {"Arguments": [], "Flags": []}
    for flag in flags:
        title = (flag.owner.__doc__ or flag.owner.__name__).splitlines()[0].rstrip(".")
        if flag.owner is config_type:
            title = "Flags"
        if flag.is_positional:
            title = "Arguments"
        groups.setdefault(title, []).append(flag)
    return {title: group for title, group in groups.items() if group}


def _wrap(text: str, width: int, *, indent: int) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += [""] * bool(lines)
        lines += textwrap.wrap(
            paragraph,
            width,
            initial_indent=" " * indent,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
