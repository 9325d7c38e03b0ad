"""Every number that a command takes has bounds beside its field."""

import dataclasses
import functools
import importlib
import pathlib
import typing

import pytest

from dcgan_jax import __main__ as program, cli
from dcgan_jax.cli import flag_values
from dcgan_jax.features import config as features, kmeans
from dcgan_jax.prepare import config as prepare
from dcgan_jax.system import errors, marks

# What a command cannot do without.
REQUIRED = {
    "train": ["--preset=goodfellow_mnist"], "evaluate": ["r", "--metric=fid"],
    "features": ["--target=mnist"], "forget": ["r", "--boxes=b.json"],
    "prepare": ["--dataset=digits"], "invert": ["r", "--image=x.png"],
}  # fmt: skip
TOO_MANY = 10**18


def list_settings(commands):
    """Yield the parsed settings of each command, of train for each optimiser."""
    for name, module in commands.items():
        found = importlib.import_module(module)
        if hasattr(found, "COMMANDS"):
            yield from list_settings(found.COMMANDS)
            continue
        parsed = found.parse(REQUIRED.get(name, ["r"]))
        yield from parsed if isinstance(parsed, tuple) else [parsed]
    if commands is program.COMMANDS:
        yield cli.parse_run([])
        yield prepare.FacesConfig(source=pathlib.Path("s"))


def list_numbers(settings):
    """Yield each whole number's flag, and what makes the settings with another."""
    hints = typing.get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        replace = functools.partial(dataclasses.replace, settings)
        kinds = typing.get_args(hints[field.name]) or (hints[field.name],)
        if int in kinds:
            yield field.name, lambda n, f=field.name, r=replace: r(**{f: n})
        inner = getattr(settings, field.name)
        if dataclasses.is_dataclass(inner):
            for name, make in list_numbers(inner):
                yield (
                    f"{field.name}.{name}",
                    lambda n, f=field.name, r=replace, m=make: r(**{f: m(n)}),
                )


def test_every_whole_number_of_every_command_has_both_bounds():
    found = []
    for settings in list_settings(program.COMMANDS):
        for flag, replace in list_numbers(settings):
            found.append(flag)
            for number in (TOO_MANY, -1):
                told = f"^--{flag}={number}; it must be"
                with pytest.raises(errors.InputError, match=told):
                    flag_values.settle_values(replace(number))
    assert {"num", "step", "points", "rows", "num_centroids", "num_reference", "port",
            "batch_size", "max_frames", "num_images", "seed", "heartbeat_seconds",
            "min_neighbors", "sgd.momentum_epochs"} <= {*found}  # fmt: skip


def test_each_value_of_a_tuple_is_looked_at():
    flags = ["--target=mnist", "--weights=r"]
    parse = importlib.import_module("dcgan_jax.features.__main__").parse
    for wrong in (["--C_grid", "1", "-2"], ["--C=inf"], ["--C_grid", "nan"]):
        with pytest.raises(errors.InputError, match="it must be above 0"):
            parse([*flags, *wrong])


def test_a_nested_setting_is_named_with_its_group():
    inner = dataclasses.make_dataclass(
        "Inner", [("a", typing.Annotated[int, marks.COUNT], 0)], frozen=True
    )
    outer = dataclasses.make_dataclass("Outer", [("b", inner, inner())], frozen=True)
    with pytest.raises(errors.InputError, match=r"--b\.a=0; it must be at least 1"):
        marks.check_bounds(outer())


def test_no_more_centroids_are_asked_for_than_there_are_patches():
    assert features.MAX_CENTROIDS == kmeans.NUM_PATCHES
