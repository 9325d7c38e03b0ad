import dataclasses
import shutil

import numpy as np
import pytest

from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import errors
from dcgan_jax.train import chunk, loop
from experiments.faults import spoil

# Of tiny_run, whose checkpoints come every 10 steps.
AT, KEPT = 27, 20


@pytest.mark.long
def test_a_nan_among_the_gradients_stops_the_run_at_its_last_finite_checkpoint(
    tiny_run, tmp_path, monkeypatch
):
    make_steps = chunk.make_steps

    def make_spoilt(nets, *, static_count):
        optimizer = spoil.spoil_at(nets.gen_optimizer, AT)
        return make_steps(
            nets._replace(gen_optimizer=optimizer), static_count=static_count
        )

    monkeypatch.setattr(chunk, "make_steps", make_spoilt)
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    config = dataclasses.replace(tiny_run, workdir=workdir, num_steps=40)
    with pytest.raises(errors.NonFiniteError, match=f"checkpoint is step {KEPT}"):
        loop.run(config)
    newest = checkpoints.find_newest(workdir / run_dir.CHECKPOINTS)
    assert newest.step == KEPT
    arrays = checkpoints.read_arrays(newest).values()
    assert all(np.isfinite(array).all() for array in arrays)
