"""The order of the data as part of a run: recorded, kept, resumed."""

import dataclasses
import json
import shutil

import jax
import pytest

from dcgan_jax.gan.nets import init_state, make_nets
from dcgan_jax.runs import checkpoints
from dcgan_jax.system import errors
from dcgan_jax.train import loop


def read_state(config):
    newest = checkpoints.find_newest(config.workdir / "checkpoints")
    nets = make_nets(config, num_steps=config.num_steps)
    image_shape = (config.image_size, config.image_size, config.channels)
    like = jax.eval_shape(
        lambda key: init_state(nets, key, image_shape=image_shape),
        jax.random.key(0),
    )
    return newest.step, jax.tree.leaves(checkpoints.restore(newest, like))


def differ(config, other):
    (step, state), (other_step, other_state) = map(read_state, (config, other))
    assert step == other_step
    return any((a != b).any() for a, b in zip(state, other_state, strict=True))


@pytest.fixture(scope="module")
def in_blocks(tiny_config, tmp_path_factory):
    """A finished run over blocks of mirrored images, longer than its 14 minibatches."""
    workdir = tmp_path_factory.mktemp("blocks") / "run"
    config = dataclasses.replace(
        tiny_config, workdir=workdir, shuffle="blocks", batch_size=128, mirror=True
    )
    loop.run(config)
    return config


@pytest.mark.long
def test_a_run_over_blocks_of_mirrored_images_resumes_to_the_same_bits(
    in_blocks, tmp_path
):
    shutil.copytree(in_blocks.workdir, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step_00000020")
    config = dataclasses.replace(in_blocks, workdir=tmp_path / "run")
    assert read_state(config)[0] == 10
    loop.run(config)
    assert not differ(in_blocks, config)


@pytest.mark.long
def test_another_order_is_another_run(in_blocks, tmp_path):
    config = dataclasses.replace(in_blocks, workdir=tmp_path / "run", shuffle="rows")
    loop.run(config)
    assert differ(in_blocks, config)


def read_config(workdir):
    return json.loads((workdir / "config.json").read_text())


def test_the_order_in_use_is_recorded_with_the_run(tiny_run):
    assert tiny_run.shuffle == "auto"
    assert read_config(tiny_run.workdir)["shuffle"] == "rows"


@pytest.fixture
def copied(tiny_run, tmp_path):
    shutil.copytree(tiny_run.workdir, tmp_path / "run")
    return dataclasses.replace(tiny_run, workdir=tmp_path / "run")


def test_a_run_is_not_resumed_in_another_order(copied):
    with pytest.raises(errors.InputError, match=r"shuffle=rows.*shuffle=blocks"):
        loop.run(dataclasses.replace(copied, shuffle="blocks"))


def test_a_run_from_before_there_was_a_choice_goes_on_row_by_row(copied):
    values = read_config(copied.workdir)
    del values["shuffle"]
    (copied.workdir / "config.json").write_text(json.dumps(values))
    outcome = loop.run(dataclasses.replace(copied, num_steps=21))
    assert outcome.step == 21
    with pytest.raises(errors.InputError, match="shuffle"):
        loop.run(dataclasses.replace(copied, shuffle="blocks"))


@pytest.mark.long
def test_the_data_s_order_does_not_depend_on_where_they_lie(
    tiny_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "dcgan_jax.train.device_batches.fits_device", lambda num_bytes: True
    )
    config = dataclasses.replace(tiny_run, workdir=tmp_path / "run")
    loop.run(config)
    assert not differ(tiny_run, config)
