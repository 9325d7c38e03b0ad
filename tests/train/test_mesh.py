"""Runs on several devices, which 8 virtual ones on a CPU stand for."""

import dataclasses
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from dcgan_jax import cli, config as configs
from dcgan_jax.runs import checkpoints
from dcgan_jax.system import errors
from dcgan_jax.train import loop, mesh

NUM_STEPS = 20
TIMEOUT_SECONDS = 900  # far beyond need, so that nothing hangs for good

TRAIN = """
import json, sys
from dcgan_jax import cli
from dcgan_jax.train import loop
loop.run(cli.parse_run(json.loads(sys.argv[1])))
"""


def make_environment(num_devices):
    flag = f"--xla_force_host_platform_device_count={num_devices}"
    return {**os.environ, "XLA_FLAGS": flag}


def run_python(*argv, num_devices):
    return subprocess.run(
        [sys.executable, *argv],
        env=make_environment(num_devices),
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    ).stdout


# Convolutions phase by phase and batch norm; labels and k = 2; sgd and dropout.
RECIPES = {
    "digits": [],
    "mnist_mlp": ["--num_d_steps=2"],
    "goodfellow_mnist": [],
}
# One device keeps the checkpoint of every step.
ALL_STEPS = ["--checkpoint_every_steps=1", f"--keep_newest={NUM_STEPS}"]


@pytest.fixture(scope="module")
def run(make_flags, tmp_path_factory):
    """Return the folder of a finished run of a recipe on a number of devices."""
    folder = tmp_path_factory.mktemp("runs")

    @functools.cache
    def train(preset, num_devices):
        workdir = folder / f"{preset}-{num_devices}"
        flags = make_flags(preset, *RECIPES[preset], f"--workdir={workdir}")
        if num_devices == 1:
            loop.run(cli.parse_run([*flags, *ALL_STEPS]))
        else:
            run_python("-c", TRAIN, json.dumps(flags), num_devices=num_devices)
        return workdir

    return train


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param("goodfellow_mnist", marks=pytest.mark.slow),
        pytest.param("digits", marks=pytest.mark.slow),
        pytest.param("mnist_mlp", marks=pytest.mark.slow),
    ],
)
def test_a_run_on_eight_devices_is_that_on_one(preset, run, assert_same_run):
    assert_same_run(run(preset, 1), run(preset, 8))


@pytest.mark.parametrize(
    ("saved_on", "num_devices"),
    [
        pytest.param(8, 1, marks=pytest.mark.long),
        pytest.param(1, 2, marks=pytest.mark.slow),
        pytest.param(8, 2, marks=pytest.mark.slow),
    ],
)
def test_a_checkpoint_moves_between_numbers_of_devices(
    saved_on, num_devices, make_flags, run, tmp_path, assert_same_run
):
    resumed = shutil.copytree(run("goodfellow_mnist", saved_on), tmp_path / "run")
    for step in checkpoints.list_steps(resumed / "checkpoints"):
        if step > NUM_STEPS // 2:
            shutil.rmtree(resumed / "checkpoints" / f"step_{step:08d}")
    flags = make_flags("goodfellow_mnist", f"--workdir={resumed}")
    if num_devices == 1:
        loop.run(cli.parse_run(flags))
    else:
        run_python("-c", TRAIN, json.dumps(flags), num_devices=num_devices)
    assert_same_run(run("goodfellow_mnist", 1), resumed)


@pytest.fixture(scope="module")
def examined(run):
    """What eight devices make of a convolutional run on one."""
    program = Path(__file__).with_name("examine_devices.py")
    return json.loads(run_python(program, run("digits", 1), num_devices=8))


@pytest.mark.long
def test_each_of_20_steps_is_on_eight_devices_what_it_is_on_one(examined):
    differences = np.array(examined["differences"])
    assert len(differences) == NUM_STEPS - 1
    # A unit whose input is 0 but for rounding takes either side of its ReLU, which
    # rarely shows in a step; rounding alone always does.
    assert np.median(differences) < 1e-4
    assert (differences < 0.3).all()


@pytest.mark.long
def test_latents_are_the_same_to_the_bit_on_any_number_of_devices(examined, make_flags):
    from dcgan_jax.gan.nets import make_nets

    nets = make_nets(cli.parse_run(make_flags("digits")), num_steps=NUM_STEPS)
    expected = np.asarray(nets.draw_latents(jax.random.key(5), 16))
    np.testing.assert_array_equal(np.float32(examined["latents"]), expected)
    assert examined["shards"] == [[2, expected.shape[1]]] * 8


@pytest.mark.long
def test_devices_exchange_sums_alone_never_images(examined):
    assert examined["exchanges"] == ["all-reduce"]


def test_a_batch_that_does_not_divide_is_an_error_that_names_the_numbers(
    make_flags, tmp_path
):
    flags = make_flags("digits", "--batch_size=12", f"--workdir={tmp_path / 'run'}")
    ended = subprocess.run(
        [sys.executable, "-m", "dcgan_jax.train", *flags],
        env=make_environment(8),
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(
        "error: --batch_size=12 does not divide by 8 devices; choose 8 or 16"
    )
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("count", "batch_size", "told"),
    [(8, 4, "choose 8,"), (3, 128, "choose 126 or 129")],
)
def test_the_error_names_batches_that_would_do(count, batch_size, told, monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: count)
    monkeypatch.setattr(jax, "local_device_count", lambda: count)
    with pytest.raises(errors.InputError, match=told):
        mesh.check_batch(batch_size)


def test_on_one_device_the_arrays_and_the_draw_stay_as_they_are():
    tree = {"a": jax.numpy.zeros(3)}
    assert mesh.local(tree) is tree
    assert mesh.from_first(tree) is tree
    assert mesh.replicated() is None
    draw = lambda key, count: key  # noqa: E731
    assert mesh.split_draw(draw) is draw
    assert mesh.largest(3, 5) == [3, 5]


def test_half_of_the_cluster_s_flags_is_an_error_that_names_the_others():
    cluster = configs.ClusterConfig(num_processes=2)
    with (
        pytest.raises(
            errors.InputError, match="--coordinator_address, --process_id must be"
        ),
        mesh.connected(cluster),
    ):
        pass


def test_flags_of_the_cluster_are_no_part_of_the_run(make_flags):
    flags = make_flags("digits")
    more = ["--coordinator_address=a:1", "--num_processes=2", "--process_id=1"]
    config, cluster = cli.parse_train([*flags, *more])
    assert config == cli.parse_run(flags)
    assert cluster == configs.ClusterConfig(
        coordinator_address="a:1", num_processes=2, process_id=1
    )
    assert cluster.is_distributed
    assert not cli.parse_train(flags)[1].is_distributed


def test_settings_that_processes_may_differ_in_are_paths_workers_and_a_digest(
    make_flags,
):
    config = cli.parse_run(make_flags("digits"))
    shared = configs.shared_settings(config)
    missing = {field.name for field in dataclasses.fields(config)} - shared.keys()
    assert missing == {
        "source", "data_dir", "num_workers", "workdir", "init_from", "init_digest",
        "follow_inception_weights",
    }  # fmt: skip


@pytest.mark.parametrize("address", ["node1", "node1:", ":1234", "node1:http"])
def test_an_address_without_a_port_is_refused(address):
    cluster = configs.ClusterConfig(
        coordinator_address=address, num_processes=2, process_id=0
    )
    with (
        pytest.raises(errors.InputError, match=f"={address}, expected HOST:PORT"),
        mesh.connected(cluster),
    ):
        pass
