"""A copy of a finished run to explore."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from dcgan_jax.explore import subject as subjects
from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.runs import safetensors_file

CONDITIONAL = Path(__file__).parents[1] / "golden" / "conditional.safetensors"


def pytest_addoption(parser):
    parser.addoption("--screens", help="the folder of the explorer's screenshots")


@pytest.fixture(scope="session")
def run(tiny_run, tmp_path_factory):
    """A finished run's folder, to which tests add files."""
    return shutil.copytree(
        tiny_run.workdir, tmp_path_factory.mktemp("explored") / "run"
    )


@pytest.fixture(scope="session")
def subject(run):
    """The generator and the rest of the run."""
    return subjects.open_subject(ExploreConfig(str(run)))


@pytest.fixture
def named(tmp_path):
    """A generator of classes that are called 1 to 9 and "red fox"."""
    config, step, variables = safetensors_file.read_network(CONDITIONAL)
    names = json.dumps([*"123456789", "red fox"])
    path = tmp_path / "named.safetensors"
    config = dataclasses.replace(config, class_names=names)
    safetensors_file.save_network(path, variables, config, step=step)
    return subjects.open_subject(ExploreConfig(str(path)))
