"""A copy of a finished run to explore."""

import shutil

import pytest

from dcgan_jax.explore import subject as subjects
from dcgan_jax.explore.config import ExploreConfig


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
