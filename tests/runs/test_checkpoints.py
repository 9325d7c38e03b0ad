import errno
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dcgan_jax.gan import state as train_state
from dcgan_jax.gan.state import NetState, TrainState
from dcgan_jax.runs import checkpoint_manifest, checkpoints, orbax_files
from dcgan_jax.system import errors


def make_state(step, *, size=4, optional=None):
    """Return a state whose arrays hold every kind of float there is."""
    odd = [0.0, -0.0, 1e-45, np.inf, -np.inf, np.nan, 1 / 3, -1e38]

    def net(seed):
        values = np.random.default_rng([seed, step]).normal(size=(size, size))
        params = {"conv0": {"kernel": jnp.asarray(values, jnp.float32)}}
        return NetState(
            params=params,
            batch_stats={"bn0": {"mean": jnp.array(odd, jnp.float32)}},
            opt_state=optax.adam(0.1).init(params),
        )

    return TrainState(
        step=jnp.int32(step),
        rollbacks=jnp.int32(2),
        gen=net(0),
        disc=net(1),
        optional=optional or {},
    )


def shapes_of(state):
    return jax.eval_shape(lambda: state)


def as_bytes(state):
    flat = train_state.to_flat(state)
    return {
        name: (a.dtype, a.shape, np.asarray(a).tobytes()) for name, a in flat.items()
    }


@pytest.fixture(scope="module")
def two_saved(tmp_path_factory):
    """A folder with the checkpoints of steps 10 and 20; tests copy it."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    for step in (10, 20):
        checkpoints.save(folder, make_state(step), about={"config": {"seed": 7}})
    return folder


@pytest.fixture
def folder(two_saved, tmp_path):
    return shutil.copytree(two_saved, tmp_path / "checkpoints")


@pytest.fixture(autouse=True)
def heard(caplog):
    caplog.set_level(logging.WARNING, "dcgan_jax")
    return caplog


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


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def delete(path):
    path.unlink()


@pytest.mark.parametrize("harm", [truncate, empty, flip_a_bit, delete])
def test_any_damaged_file_makes_the_older_checkpoint_the_newest(harm, folder, heard):
    broken = folder / "step_00000020"
    files = [path for path in broken.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        if not content and harm is not delete:
            continue  # nothing in it to damage
        heard.clear()
        harm(path)
        assert checkpoints.find_newest(folder).step == 10, path
        assert "skipped checkpoint step 20" in heard.text
        path.write_bytes(content)
    assert checkpoints.find_newest(folder).step == 20


def test_any_flipped_bit_of_the_manifest_is_noticed(folder):
    manifest = folder / "step_00000020" / "manifest.json"
    content = manifest.read_bytes()
    for position in range(0, len(content), max(1, len(content) // 200)):
        harmed = bytearray(content)
        harmed[position] ^= 1
        manifest.write_bytes(harmed)
        assert checkpoints.find_newest(folder).step == 10, position


@pytest.mark.parametrize(
    "content", ["null", "[]", "{}", '{"format_version": 1, "step": 20, "sha256": []}']
)
def test_a_manifest_of_another_kind_is_skipped(content, folder):
    (folder / "step_00000020" / "manifest.json").write_text(content)
    assert checkpoints.find_newest(folder).step == 10


def test_a_format_of_the_future_is_skipped_and_named(folder, heard):
    path = folder / "step_00000020" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format_version": 9}))
    assert checkpoints.find_newest(folder).step == 10
    assert "step 20" in heard.text


def test_nothing_valid_is_one_error_that_names_all(folder):
    for step in (10, 20):
        (folder / f"step_{step:08d}" / "manifest.json").write_text("{")
    with pytest.raises(errors.InputError, match=r"step 20: .*step 10: ") as caught:
        checkpoints.find_newest(folder)
    assert "\n" not in str(caught.value)


def test_a_damaged_step_that_was_asked_for_is_not_replaced(folder):
    (folder / "step_00000020" / "manifest.json").unlink()
    with pytest.raises(errors.InputError, match="step 20"):
        checkpoints.find_newest(folder, step=20)


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
    delete(folder / "step_00000020" / "manifest.json")
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


def sign(path, values):
    """Write a manifest with a right checksum, as anybody can."""
    values = {name: part for name, part in values.items() if name != "manifest_sha256"}
    digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()
    path.write_text(json.dumps({**values, "manifest_sha256": digest}))


def change_contents(**changes):
    def change(path):
        values = json.loads((path / "manifest.json").read_text())
        sign(path / "manifest.json", {**values, **changes})

    return change


def read_elsewhere(path):
    values = json.loads((path / "manifest.json").read_text())
    values["sha256"]["../../outside"] = "0" * 64
    sign(path / "manifest.json", values)


def add_a_file(path):
    (path / "state" / "more").write_text("x")


def test_a_hidden_file_of_another_program_does_no_harm(folder, heard):
    (folder / "step_00000020" / "state" / ".DS_Store").write_text("x")
    assert checkpoints.find_newest(folder).step == 20
    assert heard.records == []


def nest_deeply(path):
    (path / "manifest.json").write_text('{"a":' * 10**5)


WILD = {"shape": [10**9, 10**9], "dtype": "float32"}


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (change_contents(step=30), "is of step 30"),
        (change_contents(step="20"), "step is '20'"),
        (change_contents(arrays={"x": WILD}), "bytes of arrays in files of"),
        (change_contents(arrays={"x": {**WILD, "shape": [-1]}}), r"float32 \[-1\]"),
        (change_contents(arrays={"x": {**WILD, "dtype": "O"}}), r"x is O"),
        (change_contents(arrays=[]), "arrays is"),
        (change_contents(sha256={}), "does not belong there"),
        (read_elsewhere, r"outside is missing"),
        (add_a_file, "state/more does not belong there"),
        (nest_deeply, "nested too deeply"),
    ],
)
def test_a_manifest_that_cannot_be_is_skipped_though_it_is_signed(
    harm, told, folder, heard
):
    harm(folder / "step_00000020")
    assert checkpoints.find_newest(folder).step == 10
    (record,) = heard.records
    assert re.search(told, record.getMessage())
    assert record.getMessage().isprintable()


def test_files_that_orbax_cannot_read_are_one_error_though_they_are_signed(folder):
    path = folder / "step_00000020"
    values = json.loads((path / "manifest.json").read_text())
    for name in values["sha256"]:
        if "/d/" in name:
            (path / name).write_bytes(b"x" * 50)
            values["sha256"][name] = hashlib.sha256(b"x" * 50).hexdigest()
    sign(path / "manifest.json", values)
    with pytest.raises(errors.InputError, match="step_00000020 cannot be read"):
        checkpoints.read_arrays(checkpoints.find_newest(folder))


def test_another_type_is_refused_naming_the_array_and_both(folder):
    path = folder / "step_00000020" / "manifest.json"
    values = json.loads(path.read_text())
    values["arrays"]["gen/params/conv0/kernel"]["dtype"] = "float16"
    sign(path, values)
    with pytest.raises(errors.InputError, match=r"kernel is float16 .* float32"):
        checkpoints.restore(checkpoints.find_newest(folder), shapes_of(make_state(20)))


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
