"""A long run without interruption, which tests go on with or compare theirs to."""

import shutil

import pytest

from long_run import EVERY, NUM_STEPS, start, wait


@pytest.fixture(scope="session")
def flags(data_dir):
    """A run that crosses the end of an epoch (112 steps) twice."""
    return [
        "--dataset=digits",
        f"--data_dir={data_dir}",
        "--width_multiplier=0.0625",
        "--batch_size=16",
        f"--num_steps={NUM_STEPS}",
        "--log_every_steps=20",
        "--sample_every_steps=120",
        f"--checkpoint_every_steps={EVERY}",
    ]


@pytest.fixture(scope="session")
def reference(flags, tmp_path_factory):
    """A run without interruption, and how it ended."""
    workdir = tmp_path_factory.mktemp("reference") / "run"
    return workdir, wait(start(*flags, f"--workdir={workdir}"))


@pytest.fixture
def copied(reference, tmp_path):
    """A copy of its folder."""
    return shutil.copytree(reference[0], tmp_path / "run")
