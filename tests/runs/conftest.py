"""Two checkpoints of a small state."""

import logging
import shutil

import pytest

from dcgan_jax.runs import checkpoints
from small_states import make_state


@pytest.fixture(scope="module")
def two_saved(tmp_path_factory):
    """A folder with the checkpoints of steps 10 and 20; tests copy it."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    for step in (10, 20):
        checkpoints.save(folder, make_state(step), about={"config": {"seed": 7}})
    return folder


@pytest.fixture
def folder(two_saved, tmp_path):
    return shutil.copytree(two_saved, tmp_path / "checkpoints")


@pytest.fixture(autouse=True)
def heard(caplog):
    caplog.set_level(logging.WARNING, "dcgan_jax")
    return caplog
