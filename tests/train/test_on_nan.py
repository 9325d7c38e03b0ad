"""What is not finite, wherever it comes from: caught, named, left behind."""

import dataclasses
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.runs import checkpoints, folder as run_dir
from dcgan_jax.system import errors
from dcgan_jax.train import __main__ as train, chunk, loop
from long_run import NUM_STEPS, alter, read_arrays

FIRST_STEP, LAST_STEP = 20, 40


def spoil_first(tree):
    """Put a NaN into the first array of a tree."""
    leaves, treedef = jax.tree.flatten(tree)
    leaves[0] = leaves[0].at[(0,) * leaves[0].ndim].set(jnp.nan)
    return jax.tree.unflatten(treedef, leaves)


def spoil_params(state, batch):
    disc = state.disc.replace(params=spoil_first(state.disc.params))
    return state.replace(disc=disc), batch


def spoil_moments(state, batch):
    # Where a gradient that is not finite goes first.
    def spoil(leaf):
        return leaf * jnp.nan if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    moments = jax.tree.map(spoil, state.gen.opt_state)
    return state.replace(gen=state.gen.replace(opt_state=moments)), batch


def spoil_data(state, batch):
    images = jnp.asarray(batch.images, jnp.float32)
    return state, batch._replace(images=images.at[:, 0, 0, 0].set(jnp.nan))


SPOILERS = [spoil_params, spoil_moments, spoil_data]


@pytest.fixture
def inject(monkeypatch):
    """Let a run be spoilt once or more, at a step in its middle."""

    make_steps = chunk.make_steps

    def arm(spoil, *, at, times=1):
        def make_spoilt(nets, *, static_count):
            run_steps = make_steps(nets, static_count=static_count)

            def run(state, batch, key, count):
                within = int(state.step) <= at < int(state.step) + count
                if within and int(state.rollbacks) < times:
                    state, batch = spoil(state, batch)
                return run_steps(state, batch, key, count)

            return run

        monkeypatch.setattr(chunk, "make_steps", make_spoilt)

    return arm


@pytest.fixture
def config(tiny_run, tmp_path):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    return dataclasses.replace(tiny_run, workdir=workdir, num_steps=LAST_STEP)


def list_steps(config):
    return checkpoints.list_steps(config.workdir / run_dir.CHECKPOINTS)


def read_newest(config):
    newest = checkpoints.find_newest(config.workdir / run_dir.CHECKPOINTS)
    return checkpoints.read_arrays(newest)


@pytest.mark.parametrize("at", np.random.default_rng(0).integers(20, 40, 2))
@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_nan_from_anywhere_stops_the_run_at_its_last_finite_checkpoint(
    spoil, at, config, inject
):
    inject(spoil, at=at)
    with pytest.raises(errors.NonFiniteError, match="became nan") as caught:
        loop.run(config)
    kept = at - at % config.checkpoint_every_steps
    assert str(caught.value).endswith(f"last finite checkpoint is step {kept}.")
    assert max(list_steps(config)) == kept
    assert all(np.isfinite(array).all() for array in read_newest(config).values())


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_params,
        *(pytest.param(own, marks=pytest.mark.long) for own in SPOILERS[1:]),
    ],
)
def test_a_rollback_goes_on_with_other_random_numbers(spoil, config, inject):
    inject(spoil, at=33)
    assert loop.run(dataclasses.replace(config, on_nan="rollback")).step == LAST_STEP
    arrays = read_newest(config)
    assert arrays["rollbacks"] == 1
    assert all(np.isfinite(array).all() for array in arrays.values())
    logged = [row["step"] for row in run_dir.read_metrics(config.workdir)]
    assert logged == sorted(set(logged))
    assert logged[-1] == LAST_STEP


@pytest.mark.slow
def test_the_random_numbers_after_a_rollback_are_others(config, inject, tmp_path):
    smooth = dataclasses.replace(
        config, workdir=shutil.copytree(config.workdir, tmp_path / "smooth")
    )
    loop.run(smooth)
    inject(spoil_params, at=33)
    loop.run(dataclasses.replace(config, on_nan="rollback"))
    one, other = (read_newest(c)["gen/params/conv2/kernel"] for c in (smooth, config))
    assert not np.array_equal(one, other)


@pytest.mark.long
def test_the_fourth_nan_ends_a_run_that_rolls_back(config, inject):
    inject(spoil_params, at=33, times=4)
    with pytest.raises(errors.NonFiniteError):
        loop.run(dataclasses.replace(config, on_nan="rollback"))
    inject(spoil_params, at=33, times=3)
    assert loop.run(dataclasses.replace(config, on_nan="rollback")).step == LAST_STEP


@pytest.mark.slow
def test_rollbacks_are_counted_over_the_life_of_a_run(config, inject):
    rolling = dataclasses.replace(config, on_nan="rollback")
    inject(spoil_params, at=25, times=3)
    loop.run(dataclasses.replace(rolling, num_steps=30))
    inject(spoil_params, at=35, times=4)
    with pytest.raises(errors.NonFiniteError):
        loop.run(rolling)


@pytest.mark.long
def test_before_the_first_checkpoint_a_rollback_begins_anew(config, inject, tmp_path):
    fresh = dataclasses.replace(config, workdir=tmp_path / "fresh", on_nan="rollback")
    inject(spoil_data, at=3)
    assert loop.run(fresh).step == LAST_STEP
    assert read_newest(fresh)["rollbacks"] == 1


def test_a_state_that_is_not_finite_is_never_saved(config, monkeypatch):
    # Right before a save, so that no loss has seen it.
    make_steps = chunk.make_steps

    def make_spoilt(nets, *, static_count):
        run_steps = make_steps(nets, static_count=static_count)

        def run(state, batch, key, count):
            state, metrics = run_steps(state, batch, key, count)
            return (spoil_params(state, batch)[0], metrics)

        return run

    monkeypatch.setattr(chunk, "make_steps", make_spoilt)
    config = dataclasses.replace(config, num_steps=FIRST_STEP + 1)
    with pytest.raises(errors.NonFiniteError, match=r"disc/params/\S+ became nan"):
        loop.run(config)
    assert max(list_steps(config)) == FIRST_STEP


@pytest.mark.slow
def test_an_exploding_rate_stops_the_run_before_the_next_checkpoint(
    flags, copied, run_command
):
    ended = run_command(
        train.main, *flags, f"--workdir={copied}", f"--num_steps={2 * NUM_STEPS}",
        "--adam.learning_rate=1e30", "--checkpoint_every_steps=1", "--allow_changes",
    )  # fmt: skip
    assert ended.code == 3, ended.err
    last = ended.err.splitlines()[-1]
    assert "between steps " in last
    newest = checkpoints.find_newest(copied / "checkpoints")
    assert last.endswith(f"last finite checkpoint is step {newest.step}.")
    arrays = read_arrays(copied)
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_nan_ends_the_command_with_exit_code_3_in_one_line(
    flags, copied, run_command
):
    alter(copied, lambda kernel: kernel * np.nan)
    more = [f"--workdir={copied}", f"--num_steps={NUM_STEPS + 20}"]
    ended = run_command(train.main, *flags, *more)
    assert ended.code == 3
    going_on, *_, message = ended.err.splitlines()
    assert going_on == f"going on from step {NUM_STEPS}"
    assert message.startswith("error: d_fake became nan, ")
    told = f"between steps {NUM_STEPS} and {NUM_STEPS + 1}; last finite checkpoint is"
    assert told in message


@pytest.mark.parametrize(("value", "word"), [(np.nan, "nan"), (np.inf, "")])
def test_a_number_that_is_not_finite_stops_the_run_naming_quantity_and_steps(
    value, word, tiny_run, tmp_path, run_command
):
    workdir = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    alter(workdir, lambda kernel: kernel.at[0, 0, 0, 0].set(value))
    config = dataclasses.replace(tiny_run, workdir=workdir, num_steps=40)
    with pytest.raises(
        errors.NonFiniteError,
        match=rf"d_loss became {word}.* between steps 20 and 21; last .* is step 20\.",
    ):
        loop.run(config)
    assert checkpoints.list_steps(workdir / "checkpoints") == [10, 20]
