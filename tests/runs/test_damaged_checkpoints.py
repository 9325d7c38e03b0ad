import hashlib
import json
import os
import re

import pytest

from dcgan_jax.runs import checkpoints
from dcgan_jax.system import errors
from small_states import make_state, shapes_of


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
