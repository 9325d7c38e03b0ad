import errno
import json
import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.runs import checkpoint_manifest, checkpoints, orbax_files
from dcgan_jax.system import errors
from small_states import as_bytes, make_state, shapes_of


def test_a_state_survives_the_disk_to_the_bit(folder):
    newest = checkpoints.find_newest(folder)
    restored = checkpoints.restore(newest, shapes_of(make_state(0)))
    assert as_bytes(restored) == as_bytes(make_state(20))


def test_the_newest_is_found_first(folder, heard):
    assert checkpoints.find_newest(folder).step == 20
    assert not heard.records


def test_a_step_can_be_asked_for(folder):
    assert checkpoints.find_newest(folder, step=10).step == 10


def test_a_step_that_is_not_there_is_refused_with_those_that_are(folder):
    with pytest.raises(errors.MissingInputError, match=r"step 15; there are: 10, 20"):
        checkpoints.find_newest(folder, step=15)


def test_no_checkpoint_at_all_is_none(tmp_path):
    assert checkpoints.find_newest(tmp_path / "none") is None


def test_the_manifest_says_what_a_checkpoint_is(folder):
    manifest = json.loads((folder / "step_00000020" / "manifest.json").read_text())
    assert manifest["step"] == 20
    assert manifest["config"] == {"seed": 7}
    assert manifest["format_version"] == checkpoint_manifest.FORMAT_VERSION
    files = {
        str(path.relative_to(folder / "step_00000020"))
        for path in (folder / "step_00000020" / "state").rglob("*")
        if path.is_file()
    }
    assert set(manifest["sha256"]) == files


def test_other_shapes_are_refused_naming_the_array_and_both(folder):
    newest = checkpoints.find_newest(folder)
    with pytest.raises(
        errors.InputError,
        match=r"step 20 .*conv0/kernel is \(4, 4\) on disk, expected \(5, 5\)",
    ):
        checkpoints.restore(newest, shapes_of(make_state(0, size=5)))


def test_an_array_that_the_checkpoint_lacks_is_named(folder):
    state = make_state(0)
    more = {**state.gen.params, "conv1": {"kernel": jnp.zeros(3)}}
    template = state.replace(gen=state.gen.replace(params=more))
    with pytest.raises(errors.InputError, match="gen/params/conv1/kernel"):
        checkpoints.restore(checkpoints.find_newest(folder), shapes_of(template))


def test_a_checkpoint_without_an_optional_collection_still_loads(folder):
    averages = {"averaged": {"kernel": jnp.full(3, 8.0)}}
    template = make_state(0, optional=averages)
    restored = checkpoints.restore(checkpoints.find_newest(folder), template)
    np.testing.assert_array_equal(restored.optional["averaged"]["kernel"], 8.0)
    assert int(restored.step) == 20


def test_an_optional_collection_survives_the_disk(tmp_path):
    state = make_state(1, optional={"averaged": {"kernel": jnp.full(3, 8.0)}})
    checkpoints.save(tmp_path, state, about={})
    restored = checkpoints.restore(checkpoints.find_newest(tmp_path), shapes_of(state))
    assert as_bytes(restored) == as_bytes(state)


def test_a_killed_save_is_no_checkpoint_and_is_removed(folder):
    left = folder / ".step_00000030.partial" / "state"
    left.mkdir(parents=True)
    (left / "half").write_text("x")
    assert checkpoints.find_newest(folder).step == 20
    checkpoints.remove_partial(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "step_00000010",
        "step_00000020",
    ]


def test_saving_again_replaces_a_damaged_checkpoint_of_the_same_step(folder):
    (folder / "step_00000020" / "manifest.json").unlink()
    checkpoints.save(folder, make_state(20), about={})
    assert checkpoints.find_newest(folder).step == 20


def keep(tmp_path, steps, **policy):
    for step in steps:
        (tmp_path / f"step_{step:08d}").mkdir()
    checkpoints.prune(tmp_path, **policy)
    return checkpoints.list_steps(tmp_path)


def test_the_newest_are_kept(tmp_path):
    assert keep(tmp_path, [1, 2, 3, 4], keep_newest=2, keep_every=None) == [3, 4]


def test_multiples_are_kept_besides(tmp_path):
    found = keep(tmp_path, range(1, 11), keep_newest=1, keep_every=4)
    assert found == [4, 8, 10]


def test_fewer_than_are_kept_stay(tmp_path):
    assert keep(tmp_path, [5], keep_newest=3, keep_every=None) == [5]


SAVE_UNFORESEEN = """
import collections, errno, pathlib, shutil, sys
import jax.numpy as jnp, numpy as np
from dcgan_jax.runs import checkpoints
from dcgan_jax.gan.state import NetState, TrainState

usage = collections.namedtuple("usage", "total used free")(1 << 40, 0, 1 << 40)
shutil.disk_usage = lambda path: usage
noise = jnp.asarray(np.random.default_rng(0).normal(size=(2048, 2048)), jnp.float32)
net = NetState(params={"kernel": noise}, batch_stats={}, opt_state={})
state = TrainState(jnp.int32(20), jnp.int32(0), gen=net, disc=net, optional={})
try:
    checkpoints.save(pathlib.Path(sys.argv[1]), state, about={})
except OSError as error:
    sys.exit(0 if error.errno == errno.ENOSPC else 1)
"""


def assert_only_step_10(folder):
    assert [path.name for path in folder.iterdir()] == ["step_00000010"]
    newest = checkpoints.find_newest(folder)
    restored = checkpoints.restore(newest, shapes_of(make_state(0)))
    assert as_bytes(restored) == as_bytes(make_state(10))


def test_a_full_disk_leaves_older_checkpoints_as_they_are(small_disk):
    checkpoints.save(small_disk, make_state(10), about={})
    with pytest.raises(OSError, match="No space left") as caught:
        checkpoints.save(small_disk, make_state(20, size=2048), about={})
    assert caught.value.errno == errno.ENOSPC
    assert_only_step_10(small_disk)


def test_a_disk_that_fills_while_saving_leaves_older_checkpoints_as_they_are(
    small_disk,
):
    # Such as a quota, or another process. Apart, since orbax's threads leave noise.
    checkpoints.save(small_disk, make_state(10), about={})
    command = [sys.executable, "-c", SAVE_UNFORESEEN, str(small_disk)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert_only_step_10(small_disk)


def test_a_hidden_file_of_another_program_does_no_harm(folder, heard):
    (folder / "step_00000020" / "state" / ".DS_Store").write_text("x")
    assert checkpoints.find_newest(folder).step == 20
    assert heard.records == []


def test_what_no_reader_would_take_does_not_count_as_saved(folder):
    state = make_state(30).replace(optional={"sums": {"d": np.zeros(2)}})  # float64
    with pytest.raises(ValueError, match="optional/sums/d is float64"):
        checkpoints.save(folder, state, about={"config": {}})
    assert checkpoints.list_steps(folder) == [10, 20]
    assert not list(folder.glob(".step_*"))


def test_a_save_that_changes_a_value_does_not_count_as_one(folder, monkeypatch):
    write = orbax_files.save

    def harm(path, arrays):
        write(path, {name: np.zeros_like(array) for name, array in arrays.items()})

    monkeypatch.setattr(orbax_files, "save", harm)
    with pytest.raises(errors.InputError, match="cannot be relied on"):
        checkpoints.save(folder, make_state(30), about={"config": {}})
    assert checkpoints.list_steps(folder) == [10, 20]


def test_a_folder_that_can_hold_checkpoints_stays_as_it_is(tmp_path):
    checkpoints.prove_folder(tmp_path / "[a]")
    assert os.listdir(tmp_path / "[a]") == []


def test_a_folder_that_cannot_hold_checkpoints_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(orbax_files, "save", lambda path, arrays: path.mkdir())
    with pytest.raises(errors.InputError, match=r"cannot hold checkpoints.*--workdir"):
        checkpoints.prove_folder(tmp_path)
    assert os.listdir(tmp_path) == []
