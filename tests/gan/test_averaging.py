"""The average of the generator: what it is, what a run does with it."""

import dataclasses
import functools
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.export import __main__ as export
from dcgan_jax.gan import averaging
from dcgan_jax.gan.state import NetState
from dcgan_jax.latent import arithmetic, walk
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading
from dcgan_jax.sample import __main__ as sample
from dcgan_jax.system import errors
from dcgan_jax.train import loop

DECAY = 0.6  # the ramp reaches it within the run, after 11 steps


def make_gen(rng):
    params = {"kernel": jnp.asarray(rng.normal(size=(2, 2)), jnp.float32)}
    stats = {"mean": jnp.asarray(rng.normal(size=2), jnp.float32)}
    return NetState(params=params, batch_stats=stats, opt_state=())


def test_the_average_is_the_recurrence_over_the_weights_that_there_were():
    rng = np.random.default_rng(0)
    average = averaging.make_averaging(DECAY)
    first = make_gen(rng)
    optional = average.begin(first)
    kernel = np.asarray(first.params["kernel"], np.float64)
    mean = np.asarray(first.batch_stats["mean"], np.float64)
    for step in range(30):
        gen = make_gen(rng)
        optional = average.follow(optional, gen, jnp.int32(step))
        keep = min(DECAY, (1 + step) / (10 + step))
        kernel = keep * kernel + (1 - keep) * np.asarray(gen.params["kernel"])
        mean = keep * mean + (1 - keep) * np.asarray(gen.batch_stats["mean"])
    found = optional["ema"]
    np.testing.assert_allclose(found["params"]["kernel"], kernel, atol=1e-6)
    np.testing.assert_allclose(found["batch_stats"]["mean"], mean, atol=1e-6)


def test_without_a_decay_nothing_is_kept():
    average = averaging.make_averaging(None)
    gen = make_gen(np.random.default_rng(0))
    assert average.follow(average.begin(gen), gen, jnp.int32(0)) == {}


def read_arrays(workdir, *, step=None):
    newest = checkpoints.find_newest(workdir / "checkpoints", step=step)
    arrays = checkpoints.read_arrays(newest).items()
    return {name: np.asarray(array) for name, array in arrays}


@pytest.fixture(scope="module")
def averaged(tiny_config, tmp_path_factory):
    """A finished run that keeps an average; every checkpoint of its first steps."""
    workdir = tmp_path_factory.mktemp("averaged") / "run"
    config = dataclasses.replace(
        tiny_config, workdir=workdir, ema_decay=DECAY, checkpoint_every_steps=1,
        keep_newest=100, num_steps=4, sample_every_steps=4,
    )  # fmt: skip
    loop.run(config)
    return config


@pytest.mark.long
def test_a_run_s_average_is_the_recurrence_over_its_checkpoints(averaged):
    name = "gen/params/conv0/kernel"
    stored = [read_arrays(averaged.workdir, step=step) for step in (1, 2, 3, 4)]
    exact = stored[0][f"optional/ema/{name.removeprefix('gen/')}"].astype(np.float64)
    for step, arrays in enumerate(stored[1:], start=1):
        keep = min(DECAY, (1 + step) / (10 + step))
        exact = keep * exact + (1 - keep) * arrays[name]
    found = stored[-1][f"optional/ema/{name.removeprefix('gen/')}"]
    np.testing.assert_allclose(found, exact, atol=1e-6)
    assert (np.abs(found - stored[-1][name]) > 1e-5).any()


def test_the_average_leaves_training_as_it_is_to_the_bit(
    averaged, tiny_config, tmp_path
):
    plain = dataclasses.replace(tiny_config, workdir=tmp_path / "run", num_steps=4)
    loop.run(plain)
    ours, theirs = (read_arrays(c.workdir) for c in (averaged, plain))
    added = {name for name in ours if name.startswith("optional/ema/")}
    assert set(ours) == set(theirs) | added
    assert added
    assert all((ours[name] == array).all() for name, array in theirs.items())


@pytest.mark.long
def test_a_stopped_run_resumes_to_the_same_average_to_the_bit(averaged, tmp_path):
    shutil.copytree(averaged.workdir, tmp_path / "run")
    for step in (3, 4):
        shutil.rmtree(tmp_path / "run" / "checkpoints" / f"step_{step:08d}")
    config = dataclasses.replace(averaged, workdir=tmp_path / "run")
    loop.run(config)
    ours, theirs = (read_arrays(c.workdir) for c in (config, averaged))
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)


def test_both_generators_are_drawn_while_training(averaged):
    folder = averaged.workdir / "samples"
    grids = [folder / f"{name}step_00000004.png" for name in ("", "ema_")]
    assert all(path.is_file() for path in grids)
    assert grids[0].read_bytes() != grids[1].read_bytes()


def load(run, **about):
    return loading.load_generator(str(run), weights_dir=None, step=None, **about)


def test_the_average_is_loaded_where_it_is_asked_for(averaged):
    arrays = read_arrays(averaged.workdir)
    for ema, prefix in ((False, "gen/"), (True, "optional/ema/")):
        variables = load(averaged.workdir, ema=ema).variables
        found = variables["params"]["conv0"]["kernel"]
        np.testing.assert_array_equal(found, arrays[f"{prefix}params/conv0/kernel"])
        mean = variables["batch_stats"]["project"]["bn"]["mean"]
        name = f"{prefix}batch_stats/project/bn/mean"
        np.testing.assert_array_equal(mean, arrays[name])


def test_a_run_without_an_average_has_none_to_load(tiny_run):
    with pytest.raises(errors.MissingInputError, match=r"no average .* step 20.*--ema"):
        load(tiny_run.workdir, ema=True)


def test_sample_and_export_take_the_average(averaged, tmp_path, run_command, one_error):
    drawn = {}
    for flags in ((), ("--ema",)):
        out = tmp_path / f"{len(flags)}.npz"
        ended = run_command(
            sample.main, averaged.workdir, "--num=4", f"--out={out}", *flags
        )
        assert ended.code == 0, ended.err
        drawn[flags] = np.load(out)["images"]
    assert (drawn[()] != drawn["--ema",]).any()
    file = tmp_path / "average.safetensors"
    run_command(export.main, averaged.workdir, "--ema", f"--out={file}")
    exported = load(file).variables["params"]["conv0"]["kernel"]
    average = read_arrays(averaged.workdir)["optional/ema/params/conv0/kernel"]
    np.testing.assert_array_equal(exported, average)
    told = one_error(sample.main, file, "--ema")
    assert "holds one generator" in told


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        (walk.main, ("--points=2", "--steps=2")),
        (arithmetic.main, ("--positive=0", "--negative=1", "--add=2")),
    ],
    ids=["walk", "arithmetic"],
)
def test_latent_commands_take_the_average(
    command, flags, averaged, tmp_path, run_command
):
    pictures = []
    for more in ((), ("--ema",)):
        out = tmp_path / f"{len(more)}.png"
        ended = run_command(
            command, averaged.workdir, f"--out={out}", f"--json={out}.json", *flags,
            *more,
        )  # fmt: skip
        assert ended.code == 0, ended.err
        pictures.append(out.read_bytes())
        numbers = json.loads((tmp_path / f"{out}.json").read_text())["numbers"]
        assert numbers["ema"] == bool(more)
    assert pictures[0] != pictures[1]


@pytest.fixture
def copied(tiny_run, tmp_path):
    """A finished run without an average, to go on with."""
    shutil.copytree(tiny_run.workdir, tmp_path / "run")
    return dataclasses.replace(tiny_run, workdir=tmp_path / "run", num_steps=21)


def test_an_average_is_no_change_that_a_resumed_run_makes_unasked(copied):
    with pytest.raises(errors.InputError, match=r"ema_decay=None.*ema_decay=0.6"):
        loop.run(dataclasses.replace(copied, ema_decay=DECAY))


def test_an_average_that_is_asked_for_later_begins_at_the_weights_there(copied):
    before = read_arrays(copied.workdir)["gen/params/conv0/kernel"]
    loop.run(dataclasses.replace(copied, ema_decay=DECAY, allow_changes=True))
    arrays = read_arrays(copied.workdir)
    after = arrays["gen/params/conv0/kernel"]
    exact = DECAY * before.astype(np.float64) + (1 - DECAY) * after
    found = arrays["optional/ema/params/conv0/kernel"]
    np.testing.assert_allclose(found, exact, atol=1e-7)


def test_a_run_folder_from_before_these_settings_goes_on(copied):
    path = copied.workdir / "config.json"
    values = json.loads(path.read_text())
    for name in ("spectral_norm", "r1_gamma", "diffaugment", "ema_decay"):
        del values[name]
    del values["adam"]["d_learning_rate"]
    path.write_text(json.dumps(values))
    # As `loop.run` settles them.
    asked = dataclasses.replace(copied, shuffle="rows", precision="float32")
    settle = functools.partial(
        run_dir.settle, copied.workdir, fingerprint=values["data_fingerprint"]
    )
    with pytest.raises(errors.InputError, match=r"r1_gamma=0\.0.*r1_gamma=1\.0"):
        settle(dataclasses.replace(asked, r1_gamma=1.0))
    settle(asked)


def test_the_state_s_copies_share_no_memory_with_the_weights():
    gen = make_gen(np.random.default_rng(0))
    optional = jax.jit(averaging.make_averaging(DECAY).begin)(gen)
    ours = optional["ema"]["params"]["kernel"]
    assert ours.unsafe_buffer_pointer() != gen.params["kernel"].unsafe_buffer_pointer()
