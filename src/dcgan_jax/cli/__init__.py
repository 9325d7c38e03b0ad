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
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from dcgan_jax import config as configs, presets
from dcgan_jax.cli import flag_errors, flag_values, help_page
from dcgan_jax.config import (
    ClusterConfig,
    DataConfig,
    TrainConfig,
    data_config,
)
from dcgan_jax.system import disk, errors, surroundings

T = TypeVar("T")
D = TypeVar("D", bound=DataConfig)
Run = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
RunFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
BAD_INPUT, NOT_FINITE, INTERRUPTED = 2, 3, 130


def run_main(main: Callable[[Sequence[str]], int | None]) -> None:
    """Call `main` with the command line and exit with its code, or an error's.

    DCGAN_JAX_TRACEBACK=1 shows the traceback of an error in place of one line.
    """
    surroundings.settle_variables()
    if os.environ.get("DCGAN_JAX_TRACEBACK") == "1":
        sys.exit(main(sys.argv[1:]))
    try:
        code = _call(main)
    except errors.InputError as error:
        code = _report(str(error), BAD_INPUT)
    except errors.NonFiniteError as error:
        code = _report(str(error), NOT_FINITE)
    except KeyboardInterrupt as stop:
        why = str(stop) or "stopped; the same command goes on from here"
        code = _report(why, INTERRUPTED)
    except OSError as error:
        if error.errno is None:
            raise
        code = _report(_explain(error), BAD_INPUT)
    except (RuntimeError, AssertionError) as error:
        told = surroundings.explain_no_device(
            error
        ) or surroundings.explain_full_device(error)
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


def start() -> None:
    """Do what every command does before its work; imports JAX."""
    from dcgan_jax.system import backend

    configure_logging()
    backend.enable_compilation_cache()


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
    found = importlib.import_module(find_command(name, commands))
    code: int | None = found.main(argv[1:])
    return code


def find_command(name: str, commands: Mapping[str, str]) -> str:
    """Return the module of a command.

    Raises:
        InputError: if there is no such command, with the name that is nearest.
    """
    if name in commands:
        return commands[name]
    close = difflib.get_close_matches(name, commands, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise errors.InputError(
        f"unknown command {name!r}{hint} Known: {', '.join(commands)}."
    )


def parse_run(argv: Sequence[str]) -> TrainConfig:
    """Read a training run's flags over the recipe that --dataset or --preset names."""
    config = parse(TrainConfig, argv, command="train", default=_find_preset(argv))
    configs.check(config)
    return configs.leave_given(config, _list_given(argv))


def parse_train(argv: Sequence[str]) -> tuple[TrainConfig, ClusterConfig]:
    """Read what `parse_run` reads, and how the run's processes find each other."""
    recipe = _fields_of(TrainConfig, _find_preset(argv))
    flags = parse(_TrainFlags, argv, command="train", default=_TrainFlags(**recipe))
    config = TrainConfig(**_fields_of(TrainConfig, flags))
    configs.check(config)
    config = configs.leave_given(config, _list_given(argv))
    return config, ClusterConfig(**_fields_of(ClusterConfig, flags))


def parse_data(config_type: type[D], argv: Sequence[str]) -> D:
    """Read the flags of a data set alone over the recipe that --dataset names.

    Args:
        config_type: `DataConfig`, or a dataclass that adds fields with defaults to it.
        argv: the arguments after the command's name.
    """
    recipe = dataclasses.asdict(data_config(_find_preset(argv)))
    return parse(config_type, argv, command="prepare", default=config_type(**recipe))


def parse(
    config_type: type[T], argv: Sequence[str], *, command: str, default: T | None = None
) -> T:
    """Read flags into a dataclass.

    Args:
        config_type: the dataclass; its fields are the flags.
        argv: the arguments after the command's name.
        command: its name, such as `latent walk`.
        default: values of the flags that are not given.

    Raises:
        InputError: one line about the first flag that cannot be read.
        SystemExit: with code 0, after --help.
    """
    program = name_program(command)
    if "-h" in argv or "--help" in argv:
        page = help_page.format_page(
            config_type, default, command=command, program=program
        )
        print(page)
        raise SystemExit(0)
    flags = help_page.list_flags(config_type, default)
    flag_errors.refuse_values_of_switches(flags, argv)
    stderr = io.StringIO()
    try:
        with contextlib.redirect_stderr(stderr):
            config = tyro.cli(
                config_type,
                prog=program,
                args=list(argv),
                default=tyro.MISSING_NONPROP if default is None else default,  # type: ignore[arg-type]
                use_underscores=True,
                # Of settings that may be None, those of the recipe are flags.
                config=(tyro.conf.AvoidSubcommands,),
            )
            return flag_values.settle_values(config)
    except SystemExit as stop:
        if stop.code == 0:
            raise
        message = flag_errors.describe_flag_error(stderr.getvalue(), flags)
        raise errors.InputError(
            f"{message} ({program} --help lists all flags)"
        ) from None


def name_program(command: str) -> str:
    """Return what a user has typed, or would type, to call a command.

    Args:
        command: its name, such as `latent walk`.
    """
    file = Path(sys.argv[0])
    room, house = file.parent.name, file.parent.parent.name
    if file.name != "__main__.py" or "dcgan_jax" not in (room, house):
        return f"dcgan {command}"
    return f"python -m dcgan_jax{' ' if room == 'dcgan_jax' else '.'}{command}"


def check_suffix(path: Path | None, flag: str, *suffixes: str) -> None:
    """Raise an error unless a file's name ends as it must, in letters of either case.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    if path is not None and path.suffix.lower() not in suffixes:
        raise errors.InputError(f"--{flag}={path} must end in {' or '.join(suffixes)}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsFlags:
    """Weights: which of those that were saved are read."""

    step: Annotated[int | None, configs.STEP] = None
    """The step of the run's checkpoint. Without this flag it is the newest one."""
    weights_dir: Path | None = None
    """The folder of the authors' released parameters. Without this flag they are
    downloaded into a cache."""


@dataclasses.dataclass(frozen=True)
class RunFlags(WeightsFlags):
    """Weights: which of those that were saved are read."""

    run: Run
    """A run's folder, an exported .safetensors file, authors_svhn or
    authors_imagenet."""
    ema: bool = dataclasses.field(default=False, kw_only=True)
    """The average of the generator is taken, which --ema_decay has kept in training."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _TrainFlags(ClusterConfig, TrainConfig):
    """Train a GAN on a data set, or go on with a run that was stopped.

    The data are prepared first where they are missing. Every setting has the value of
    the data set's recipe, which --dataset or --preset names; the other flags change it.

    Examples:
        dcgan train --dataset=digits
        dcgan train --dataset=folder --source=photos --image_size=64
        dcgan train --dataset=mnist --preset=mnist_conditional --num_epochs=20
    """


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


def _list_given(argv: Sequence[str]) -> set[str]:
    """Return the names of the flags on a command line, in any spelling."""
    words = [word.removeprefix("--") for word in argv if word.startswith("--")]
    return {word.partition("=")[0].replace("-", "_") for word in words}


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
