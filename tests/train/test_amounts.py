"""Runs that no machine can hold are refused before anything is written."""

import pytest

from dcgan_jax.train import __main__ as train


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            ["--width_multiplier=100", "--latent_size=1000000"],
            "networks and optimisers of this width take",
        ),
        (["--num_d_steps=2147483647"], "the networks and 137,438,953,408 images take"),
        (["--num_epochs=1e15"], "--num_epochs=1e+15 are 2.8e+16 steps; a run has at"),
    ],
)
def test_what_no_machine_can_hold_is_one_line(
    flags, told, data_dir, tmp_path, one_error
):
    workdir = tmp_path / "run"
    given = ["--dataset=digits", f"--data_dir={data_dir}", f"--workdir={workdir}"]
    assert told in one_error(train.main, *given, *flags)
    assert not workdir.exists()
