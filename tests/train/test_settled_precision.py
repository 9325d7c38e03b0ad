"""A run keeps the arithmetic that it began with."""

import json

import pytest

from dcgan_jax import cli
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.train import loop


@pytest.fixture
def train(data_dir, tmp_path):
    """Train to a step with flags in a folder of its own; return what it recorded."""
    workdir = tmp_path / "run"

    def run(num_steps, *flags):
        argv = [
            "--dataset=digits", f"--data_dir={data_dir}", f"--workdir={workdir}",
            "--width_multiplier=0.0625", "--batch_size=16", f"--num_steps={num_steps}",
            *flags,
        ]  # fmt: skip
        loop.run(cli.parse_train(argv)[0])
        return json.loads((workdir / run_dir.CONFIG).read_text())["precision"]

    run.workdir = workdir
    return run


def test_auto_is_recorded_as_what_it_was(train):
    assert train(1) == "float32"


@pytest.mark.long
def test_a_run_that_goes_on_by_auto_keeps_what_it_has(train):
    assert train(1, "--precision=bfloat16") == "bfloat16"
    assert train(2) == "bfloat16"


@pytest.mark.long
def test_a_run_that_is_older_than_the_setting_goes_on_in_float32(train, monkeypatch):
    train(1)
    path = train.workdir / run_dir.CONFIG
    recorded = json.loads(path.read_text())
    del recorded["precision"]
    path.write_text(json.dumps(recorded))
    monkeypatch.setattr(
        "dcgan_jax.system.precision.settle_precision", lambda asked: "bfloat16"
    )
    assert train(2) == "float32"
