"""Runs on several devices, which 8 virtual ones on a CPU stand for."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

from dcgan_jax import cli, config as configs, errors, loop, mesh

NUM_STEPS = 20
TIMEOUT_SECONDS = 900  # far beyond need, so that nothing hangs for good

# Trains one run after the other; each is a list of flags.
TRAIN_ALL = """
import json, sys
from dcgan_jax import cli, loop
for flags in json.loads(sys.argv[1]):
    loop.run(cli.parse_run(flags))
"""
# Prints what the latents are, what of the loop crosses from device to device, and by
# which share of its length each step of a run with all its checkpoints differs.
EXAMINE = """
import json, pathlib, re, sys
import jax, numpy as np
from dcgan_jax import checkpoints, feed, mesh, run_dir, steps, streams, train_state
from dcgan_jax.data import store as stores

workdir = pathlib.Path(json.loads(sys.argv[1]))
config = run_dir.read_config(workdir)
store = stores.open_store(stores.store_path(config))
nets = steps.make_nets(config, num_steps=config.num_steps)
latents = jax.jit(lambda key: mesh.split_draw(nets.draw_latents)(key, 16))(
    jax.random.key(5)
)

def restore(step):
    like = jax.eval_shape(
        lambda key: steps.init_state(nets, key, image_shape=store.image_shape),
        jax.random.key(0),
    )
    newest = checkpoints.find_newest(workdir / "checkpoints", step=step)
    return checkpoints.restore(newest, like)

def flatten(state):
    arrays = train_state.to_flat(state).items()
    return np.concatenate(
        [np.ravel(array) for name, array in arrays if "/params/" in name]
    ).astype(np.float64)

key = mesh.replicate(streams.make_key(config.seed, streams.Purpose.TRAINING))
run = steps.make_steps(nets, static_count=False)
opened = feed.open_feed(store, config)
differences = []
for step in range(1, config.num_steps):
    opened.ask(step, 1)
    arguments = (mesh.replicate(restore(step)), opened.take().batch, key, 1)
    if step == 1:
        program = run.lower(*arguments).compile().as_text()
    reached, _ = run(*arguments)
    before, after = flatten(restore(step)), flatten(restore(step + 1))
    apart = np.linalg.norm(flatten(mesh.local(reached)) - after)
    differences.append(apart / np.linalg.norm(after - before))
opened.close()
words = "all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter"
print(json.dumps({
    "shards": [list(shard.data.shape) for shard in latents.addressable_shards],
    "latents": np.asarray(latents).tolist(),
    "crossing": sorted(set(re.findall(rf" ({words})(?:-start)?\\(", program))),
    "differences": differences,
}))
"""


def make_environment(num_devices):
    flag = f"--xla_force_host_platform_device_count={num_devices}"
    return {**os.environ, "XLA_FLAGS": flag}


def run_program(program, argument, *, num_devices):
    return subprocess.run(
        [sys.executable, "-c", program, json.dumps(argument)],
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
each_recipe = pytest.mark.parametrize("preset", list(RECIPES))


@pytest.fixture(scope="module")
def on_one(make_flags, tmp_path_factory):
    """A finished run of each recipe on one device."""
    folder = tmp_path_factory.mktemp("one")
    for preset, more in RECIPES.items():
        flags = make_flags(preset, *more, f"--workdir={folder / preset}")
        all_steps = ["--checkpoint_every_steps=1", f"--keep_newest={NUM_STEPS}"]
        loop.run(cli.parse_run(flags + (all_steps if preset == "digits" else [])))
    return folder


@pytest.fixture(scope="module")
def on_eight(make_flags, tmp_path_factory):
    """The same on eight."""
    folder = tmp_path_factory.mktemp("eight")
    runs = [
        make_flags(preset, *more, f"--workdir={folder / preset}")
        for preset, more in RECIPES.items()
    ]
    run_program(TRAIN_ALL, runs, num_devices=8)
    return folder


@pytest.fixture(scope="module")
def runs(on_one, on_eight):
    """The folders of both by the number of devices."""
    return {1: on_one, 8: on_eight}


@each_recipe
def test_a_run_on_eight_devices_is_that_on_one(preset, runs, assert_same_run):
    assert_same_run(runs[1] / preset, runs[8] / preset)


@pytest.mark.parametrize(
    ("saved_on", "num_devices"),
    [(8, 1), (1, 2), pytest.param(8, 2, marks=pytest.mark.slow)],
)
def test_a_checkpoint_moves_between_numbers_of_devices(
    saved_on, num_devices, make_flags, runs, tmp_path, assert_same_run
):
    whole, resumed = runs[1] / "goodfellow_mnist", tmp_path / "run"
    shutil.copytree(runs[saved_on] / "goodfellow_mnist", resumed)
    shutil.rmtree(resumed / "checkpoints" / f"step_{NUM_STEPS:08d}")
    flags = make_flags("goodfellow_mnist", f"--workdir={resumed}")
    if num_devices == 1:
        loop.run(cli.parse_run(flags))
    else:
        run_program(TRAIN_ALL, [flags], num_devices=num_devices)
    assert_same_run(whole, resumed)


@pytest.fixture(scope="module")
def examined(on_one):
    """What `EXAMINE` says on eight devices of a convolutional run on one."""
    return json.loads(run_program(EXAMINE, str(on_one / "digits"), num_devices=8))


def test_each_of_20_steps_is_on_eight_devices_what_it_is_on_one(examined):
    differences = np.array(examined["differences"])
    assert len(differences) == NUM_STEPS - 1
    # A unit whose input is 0 but for rounding takes either side of its ReLU, which
    # rarely shows in a step; rounding alone always does.
    assert np.median(differences) < 1e-4
    assert (differences < 0.3).all()


def test_latents_are_the_same_to_the_bit_on_any_number_of_devices(examined, make_flags):
    from dcgan_jax import steps

    nets = steps.make_nets(cli.parse_run(make_flags("digits")), num_steps=NUM_STEPS)
    expected = np.asarray(nets.draw_latents(jax.random.key(5), 16))
    np.testing.assert_array_equal(np.float32(examined["latents"]), expected)
    assert examined["shards"] == [[2, expected.shape[1]]] * 8


def test_devices_exchange_sums_alone_never_images(examined):
    assert examined["crossing"] == ["all-reduce"]


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


def test_settings_that_processes_may_differ_in_are_the_paths_and_workers(make_flags):
    config = cli.parse_run(make_flags("digits"))
    shared = configs.shared_settings(config)
    missing = {field.name for field in dataclasses.fields(config)} - shared.keys()
    assert missing == {"source", "data_dir", "num_workers", "workdir"}
