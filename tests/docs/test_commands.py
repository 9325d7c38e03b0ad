"""Every command line of README and docs is one that its own parser takes."""

import argparse
import contextlib
import importlib
import inspect
import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from dcgan_jax import __main__ as dcgan
from dcgan_jax.system import errors

ROOT = Path(__file__).parents[2]
_OURS = re.compile(r"(?:srun \S+ )?((?:dcgan|python -m dcgan_jax[.\w]*)(?: .*|$))")
_SCRIPT = re.compile(r"(?:\S*/)?python (experiments/[\w/]+\.py)(.*)")
# Flags of MkDocs, TensorBoard and SLURM.
_FOREIGN = {"--strict", "--logdir", "--ntasks-per-node"}


class StoppedError(Exception):
    """Raised in the place of what a script would do after it has read its flags."""


@pytest.fixture
def stop_after_parsing(monkeypatch):
    """Let argparse read a script's flags, and stop there."""
    parse_known = argparse.ArgumentParser.parse_known_args

    def read_known(self, args=None, namespace=None):
        raise StoppedError(parse_known(self, args, namespace)[1])

    def read(self, args=None, namespace=None):
        rest = parse_known(self, args, namespace)[1]
        raise StoppedError([f"{self.prog} does not know {flag}" for flag in rest])

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", read)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", read_known)


@pytest.fixture(scope="module")
def known_flags():
    """Every flag of every command, as its help shows it, and of the experiments."""
    lines = ["train", "train --preset=goodfellow_mnist", "prepare", "prepare --faces"]
    lines += ["sample", "explore", "features", "evaluate", "export"]
    lines += [f"latent {name}" for name in ("walk", "arithmetic", "forget", "invert")]
    lines += [f"visualize {name}" for name in ("filters", "film", "collapse")]
    shown = io.StringIO()
    for line in lines:
        with contextlib.redirect_stdout(shown), pytest.raises(SystemExit):
            dcgan.main([*line.split(), "--help"])
    flags = re.findall(r"--[a-zA-Z][\w.]*", shown.getvalue())
    for script in (ROOT / "experiments").rglob("*.py"):
        flags += re.findall(r"\"(--[a-zA-Z]\w*)\"", script.read_text())
    return set(flags)


def test_every_command_is_one_that_its_parser_takes(page, command_lines):
    wrong = []
    for line in command_lines(page):
        ours = _OURS.fullmatch(line)
        if ours is None:
            continue
        try:
            dcgan.parse_command_line(ours[1])
        except errors.InputError as error:
            wrong.append(f"{line}: {error}")
    assert wrong == []


def test_a_dead_flag_would_be_found(tmp_path, command_lines):
    page = tmp_path / "page.md"
    page.write_text("```\ndcgan sample runs/digits --number=4\n```\n")
    (line,) = command_lines(page)
    with pytest.raises(errors.InputError, match="number"):
        dcgan.parse_command_line(line)


def test_every_script_is_there_and_takes_its_flags(
    page, command_lines, stop_after_parsing, known_flags, monkeypatch
):
    for line in command_lines(page):
        found = _SCRIPT.fullmatch(line)
        if found is None:
            continue
        path, argv = found[1], shlex.split(found[2])
        assert (ROOT / path).is_file(), line
        if not re.search(r"parse", (ROOT / path).read_text()):
            continue
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        monkeypatch.setattr(sys, "argv", [path, *argv])
        takes = inspect.signature(module.main).parameters
        with pytest.raises(StoppedError) as stop:
            module.main(argv) if takes else module.main()
        (rest,) = stop.value.args
        assert {
            flag.partition("=")[0] for flag in rest if flag[0] == "-"
        } <= known_flags


def test_every_flag_in_a_sentence_is_one_of_a_command(page, spans, known_flags):
    named = {
        flag.partition("=")[0].rstrip(".")
        for span in spans(page)
        for flag in span.split()
        if re.match(r"--[a-z]", flag) and not flag.endswith("*")
    }
    assert sorted(named - known_flags - _FOREIGN) == []
