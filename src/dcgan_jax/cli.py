"""Command lines: flags → config, and errors → one line and an exit code.

Exit codes: 0 done; 2 input that cannot be used; 3 NaN or infinity in training; 4
another process of the run has ended (resumable; 134 where JAX finds out first); 130 and
143 stopped by Ctrl-C and SIGTERM (resumable).
"""

import contextlib
import dataclasses
import difflib
import importlib
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro

from dcgan_jax import config as configs, flag_values, presets
from dcgan_jax.config import (
    ClusterConfig,
    DataConfig,
    TrainConfig,
    data_config,
)
from dcgan_jax.system import disk, errors, surroundings

T = TypeVar("T")
D = TypeVar("D", bound=DataConfig)
BAD_INPUT, NOT_FINITE, INTERRUPTED = 2, 3, 130


def run_main(main: Callable[[Sequence[str]], int | None]) -> None:
    """Call `main` with the command line and exit with its code, or an error's.

    DCGAN_JAX_TRACEBACK=1 shows the traceback of an error in place of one line.
    """
    surroundings.settle()
    if os.environ.get("DCGAN_JAX_TRACEBACK") == "1":
        sys.exit(main(sys.argv[1:]))
    try:
        code = _call(main)
    except errors.InputError as error:
        code = _report(str(error), BAD_INPUT)
    except errors.NonFiniteError as error:
        code = _report(str(error), NOT_FINITE)
    except KeyboardInterrupt:
        code = _report("stopped; the same command goes on from here", INTERRUPTED)
    except OSError as error:
        if error.errno is None:
            raise
        code = _report(_explain(error), BAD_INPUT)
    except (RuntimeError, AssertionError) as error:
        told = surroundings.explain_no_device(error)
        if told is None:
            raise
        code = _report(told, BAD_INPUT)
    sys.exit(code)


def configure_logging() -> None:
    """Let this package's messages through, a line each; quieten the libraries."""
    own = logging.getLogger("dcgan_jax")
    own.setLevel(logging.INFO)
    own.propagate = False  # the root logger belongs to the libraries
    if not own.handlers:
        own.addHandler(logging.StreamHandler())
    logging.getLogger("absl").setLevel(logging.ERROR)


def run_command(argv: Sequence[str], commands: Mapping[str, str]) -> int | None:
    """Call the command that the first argument names with the arguments after it.

    Args:
        argv: the arguments after the program's name.
        commands: name → module with a function `main`, imported when it is asked for;
            the first line of the module's docstring is its help.

    Raises:
        InputError: if the first argument names no command.
    """
    name = argv[0] if argv else "--help"
    if name in ("-h", "--help"):
        for known, module in commands.items():
            text = importlib.import_module(module).__doc__ or ""
            print(f"{known:12} {text.partition(chr(10))[0]}".rstrip())
        return 0
    if name not in commands:
        close = difflib.get_close_matches(name, commands, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise errors.InputError(
            f"unknown command {name!r}{hint} Known: {', '.join(commands)}."
        )
    code: int | None = importlib.import_module(commands[name]).main(argv[1:])
    return code


def parse_run(argv: Sequence[str]) -> TrainConfig:
    """Read a training run's flags over the recipe that --dataset or --preset names."""
    config = parse(TrainConfig, argv, default=_find_preset(argv))
    configs.check(config)
    return config


def parse_train(argv: Sequence[str]) -> tuple[TrainConfig, ClusterConfig]:
    """Read what `parse_run` reads, and how the run's processes find each other."""
    recipe = _fields_of(TrainConfig, _find_preset(argv))
    flags = parse(_TrainFlags, argv, default=_TrainFlags(**recipe))
    config = TrainConfig(**_fields_of(TrainConfig, flags))
    configs.check(config)
    return config, ClusterConfig(**_fields_of(ClusterConfig, flags))


def parse_data(config_type: type[D], argv: Sequence[str]) -> D:
    """Read the flags of a data set alone over the recipe that --dataset names.

    Args:
        config_type: `DataConfig`, or a dataclass that adds fields with defaults to it.
        argv: the arguments after the command's name.
    """
    recipe = dataclasses.asdict(data_config(_find_preset(argv)))
    return parse(config_type, argv, default=config_type(**recipe))


def parse(
    config_type: type[T],
    argv: Sequence[str],
    *,
    default: T | None = None,
    command: str = "",
) -> T:
    """Read flags into a dataclass.

    Args:
        config_type: the dataclass; its fields are the flags.
        argv: the arguments after the command's name.
        default: values of the flags that are not given.
        command: the one of `run_command`, for --help.

    Raises:
        InputError: one line about the first flag that cannot be read.
        SystemExit: with code 0, after --help.
    """
    stderr = io.StringIO()
    file = Path(sys.argv[0])
    name = file.parent.name if file.name == "__main__.py" else file.stem
    prog = f"python -m dcgan_jax.{name} {command}".rstrip()
    try:
        with contextlib.redirect_stderr(stderr):
            config = tyro.cli(
                config_type,
                prog=prog,
                args=list(argv),
                default=tyro.MISSING_NONPROP if default is None else default,  # type: ignore[arg-type]
                use_underscores=True,
                # Of settings that may be None, those of the recipe are flags.
                config=(tyro.conf.AvoidSubcommands,),
            )
            return flag_values.settle(config)
    except SystemExit as stop:
        if stop.code == 0:
            raise
        raise errors.InputError(_one_line(stderr.getvalue())) from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _TrainFlags(ClusterConfig, TrainConfig):
    """The flags of `dcgan_jax.train`."""


def _fields_of(config_type: type[Any], values: Any) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(config_type)]
    return {name: getattr(values, name) for name in names}


@dataclasses.dataclass(frozen=True)
class _Base:
    """The flags that choose a recipe, which the others then change."""

    dataset: str | None = None
    preset: str | None = None
    image_size: int | None = None


def _find_preset(argv: Sequence[str]) -> TrainConfig:
    # First of two passes: only the flags that choose the recipe, in any spelling.
    chosen: dict[str, str] = {}
    names = {field.name for field in dataclasses.fields(_Base)}
    for position, argument in enumerate(argv):
        name, has_value, value = argument.removeprefix("--").partition("=")
        name = name.replace("-", "_")
        if argument.startswith("--") and name in names:
            following = argv[position + 1] if position + 1 < len(argv) else ""
            chosen[name] = value if has_value else following
    size = chosen.get("image_size", "")
    return presets.find(
        chosen.get("dataset"),
        chosen.get("preset"),
        image_size=int(size) if size.isdecimal() else None,
    )


def _one_line(panel: str) -> str:
    """Condense tyro's boxed report into one line."""
    lines = [line.strip("│╭╮╰╯ ") for line in panel.splitlines()[1:]]
    # Where the terminal knows ASCII alone, the box is of dashes.
    parts = re.split(r"[─-]{3,}", " ".join(line for line in lines if line))
    sections = [part.strip() for part in parts if part.strip()]
    message = sections[0] if sections else "the command line cannot be read"
    close = next((s for s in sections if s.startswith("Perhaps you meant")), "")
    flag = re.search(r"--[\w.]+", close)
    hint = f"; did you mean {flag.group()}?" if flag else ""
    return f"{message}{hint} (--help lists all flags)"


def _call(main: Callable[[Sequence[str]], int | None]) -> int | None:
    try:
        return main(sys.argv[1:])
    finally:
        sys.stdout.flush()


def _explain(error: OSError) -> str:
    if disk.is_full(error):
        return f"{error}; free some space and run the command again"
    advice = "" if error.filename is None else "; give another path"
    return errors.one_line(f"{error}{advice}")


def _report(message: str, code: int) -> int:
    print(f"error: {message}" if code != INTERRUPTED else message, file=sys.stderr)
    return code
