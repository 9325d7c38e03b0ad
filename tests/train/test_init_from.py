"""A run that begins with the networks of another one."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from dcgan_jax.export import __main__ as export
from dcgan_jax.gan import state as train_state
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading
from dcgan_jax.system import errors
from dcgan_jax.train import loop, start


def read_arrays(workdir, step=None):
    newest = checkpoints.find_newest(workdir / "checkpoints", step=step)
    arrays = checkpoints.read_arrays(newest)
    return {name: np.asarray(array) for name, array in arrays.items()}


def begin(config):
    """Return a run, and the state that it begins with, as a checkpoint has it."""
    run = start.settle_run(config)
    state = start.start_or_resume(run, rollbacks=0, announce=lambda: None)
    flat = train_state.to_flat(state)
    return run, {name: np.asarray(array) for name, array in flat.items()}


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "g.safetensors"
    assert export.main([str(tiny_run.workdir), f"--out={path}"]) == 0
    return path


@pytest.mark.parametrize("kind", ["run", "file"])
def test_a_run_begins_with_both_networks_and_everything_else_anew(
    kind, tiny_run, exported, tmp_path
):
    where = tiny_run.workdir if kind == "run" else exported
    plain = dataclasses.replace(tiny_run, workdir=tmp_path / "plain", seed=5)
    _, anew = begin(plain)
    tuned = dataclasses.replace(
        plain, workdir=tmp_path / "tuned", init_from=str(where), ema_decay=0.9
    )
    run, found = begin(tuned)
    given = read_arrays(tiny_run.workdir)
    for name, array in found.items():
        is_network = "/params/" in name or "/batch_stats/" in name
        if name.startswith("optional/"):  # the average begins with the generator
            expected = given[name.replace("optional/ema/", "gen/")]
        else:
            expected = given[name] if is_network else anew[name]
        np.testing.assert_array_equal(array, expected, err_msg=name)
    assert found["step"] == 0
    digest = loading.load_generator(str(tiny_run.workdir)).digest
    assert run.config.init_digest == digest


@pytest.fixture(scope="module")
def tuned(tiny_run, tmp_path_factory):
    """A finished run that began with the networks of another."""
    workdir = tmp_path_factory.mktemp("tuned") / "run"
    config = dataclasses.replace(
        tiny_run, workdir=workdir, seed=5, init_from=str(tiny_run.workdir)
    )
    loop.run(config)
    return config


def test_it_is_recorded_with_the_run_by_its_digest(tuned, tiny_run):
    recorded = json.loads((tuned.workdir / "config.json").read_text())
    assert recorded["init_from"] == str(tiny_run.workdir)
    digest = loading.load_generator(str(tiny_run.workdir)).digest
    assert recorded["init_digest"] == digest


@pytest.mark.parametrize("flag", ["the same", "none", "a run that is gone"])
def test_a_run_that_goes_on_takes_no_notice_of_it(flag, tuned, tmp_path):
    workdir = shutil.copytree(tuned.workdir, tmp_path / "run")
    shutil.rmtree(workdir / "checkpoints" / "step_00000020")
    where = {"the same": tuned.init_from, "none": None}.get(flag, "runs/gone")
    loop.run(dataclasses.replace(tuned, workdir=workdir, init_from=where))
    first, again = read_arrays(tuned.workdir), read_arrays(workdir)
    assert first.keys() == again.keys()
    assert not [n for n in first if first[n].tobytes() != again[n].tobytes()]
    assert run_dir.read_config(workdir).init_from == tuned.init_from


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"width_multiplier": 0.125},
            "does not fit this run: batch_stats/bn0/mean is (8,), expected (16,)",
        ),
        ({"latent_size": 7}, "project/dense/kernel is (100, 256), expected (7, 256)"),
        ({"architecture": "svhn32"}, "architecture=small; this run has"),
        ({"init_digest": "0" * 64}, "it is another network"),
        ({"init_from": "runs/none"}, "runs/none is neither a run's folder nor"),
    ],
)
def test_other_networks_are_refused_before_anything_is_written(
    changes, told, tiny_run, tmp_path
):
    config = dataclasses.replace(
        tiny_run, workdir=tmp_path / "run", init_from=str(tiny_run.workdir)
    )
    with pytest.raises(errors.InputError) as refused:
        start.settle_run(dataclasses.replace(config, **changes))
    assert told in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_an_export_without_its_discriminator_is_refused(exported, tiny_run, tmp_path):
    alone = shutil.copy(exported, tmp_path / "alone.safetensors")
    config = dataclasses.replace(
        tiny_run, workdir=tmp_path / "run", init_from=str(alone)
    )
    with pytest.raises(errors.InputError, match="alone_discriminator"):
        start.settle_run(config)
