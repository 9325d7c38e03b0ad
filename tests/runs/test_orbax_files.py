"""Arrays survive a folder of any name; what does not survive is never called saved."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dcgan_jax.runs import orbax_files
from dcgan_jax.system import errors

ARRAYS = {
    "gen/conv0/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "step": np.array(7, np.int32),
    "odd": np.array([np.nan, -0.0, np.inf], np.float32),
}
ABOUT = {
    name: {"shape": list(array.shape), "dtype": str(array.dtype)}
    for name, array in ARRAYS.items()
}


@pytest.mark.parametrize(
    "name",
    [
        "exp [a]", "[!x]", "[0-9]", "a**b", "a?b", "a\\b", "{a,b}", "gs:", "~", "%41",
        "été", "\n", "a#b", os.fsdecode(b"caf\xe9"),
    ],
)  # fmt: skip
def test_arrays_survive_a_folder_of_any_name(tmp_path, name):
    path = tmp_path / name / "state"
    path.parent.mkdir()
    orbax_files.save(path, ARRAYS)
    orbax_files.prove(path, ARRAYS)
    back = orbax_files.read(path, ABOUT)
    assert {one: np.asarray(array).tobytes() for one, array in back.items()} == {
        one: array.tobytes() for one, array in ARRAYS.items()
    }
    assert os.listdir(path.parent) == ["state"]


def test_what_was_saved_in_a_folder_that_is_a_pattern_is_read_again(tmp_path):
    orbax_files.save(tmp_path / "state", ARRAYS)
    # As orbax leaves it where it does not find its part.
    (tmp_path / "state" / "manifest.ocdbt").unlink()
    shutil.rmtree(tmp_path / "state" / "d")
    orbax_files.prove(tmp_path / "state", ARRAYS)


def test_without_a_temporary_folder_a_name_is_taken_as_it_is(tmp_path, monkeypatch):
    def refuse(**where):
        raise OSError("read-only")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with orbax_files.plainly_named(tmp_path / "[a]") as folder:
        assert folder == tmp_path / "[a]"
    (tmp_path / "[a]").mkdir()
    orbax_files.save(tmp_path / "[a]" / "state", ARRAYS)
    with pytest.raises(errors.InputError, match="cannot be read"):
        orbax_files.prove(tmp_path / "[a]" / "state", ARRAYS)


@pytest.mark.parametrize(
    "harm",
    [
        {"step": np.array(8, np.int32)},
        {"odd": np.array([np.nan, 0.0, np.inf], np.float32)},
        {"new": np.zeros(1, np.float32)},
    ],
)
def test_arrays_that_are_not_those_given_are_no_proof(tmp_path: Path, harm):
    orbax_files.save(tmp_path / "state", ARRAYS)
    with pytest.raises(errors.InputError):
        orbax_files.prove(tmp_path / "state", {**ARRAYS, **harm})
