import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dcgan_jax import config as configs, presets
from dcgan_jax.runs import safetensors_file
from dcgan_jax.system import errors

CONFIG = presets.SVHN


@pytest.fixture
def variables():
    rng = np.random.default_rng(0)
    return {
        "params": {
            "conv0": {"kernel": rng.normal(size=(5, 5, 3, 2)).astype(np.float32)},
            "bn0": {"gain": np.array([1e-45, -0.0], np.float32)},
        },
        "batch_stats": {"bn0": {"mean": np.array([np.inf, 3.0], np.float32)}},
    }


@pytest.fixture
def path(variables, tmp_path):
    file = tmp_path / "generator.safetensors"
    safetensors_file.save_network(file, variables, CONFIG, step=42)
    return file


def test_a_generator_survives_the_file_to_the_bit(path, variables):
    config, step, found = safetensors_file.read_network(path)
    assert (config, step) == (CONFIG, 42)
    assert jax.tree.structure(found) == jax.tree.structure(variables)
    for ours, theirs in zip(
        jax.tree.leaves(found), jax.tree.leaves(variables), strict=True
    ):
        assert ours.tobytes() == theirs.tobytes()


def test_others_read_the_arrays_by_their_paths(path, variables):
    found = load_file(path)
    assert set(found) == {
        "params/conv0/kernel",
        "params/bn0/gain",
        "batch_stats/bn0/mean",
    }
    kernel = variables["params"]["conv0"]["kernel"]
    np.testing.assert_array_equal(found["params/conv0/kernel"], kernel)


def test_the_file_says_what_the_data_were_called_but_not_where_they_lay(
    variables, tmp_path
):
    path, home = tmp_path / "x.safetensors", Path("/home/someone")
    config = dataclasses.replace(
        CONFIG,
        source=home / "foxes.zip",
        data_dir=home / "data",
        workdir=home / "run",
        init_from=str(home / "wolves"),
    )
    safetensors_file.save_network(path, variables, config, step=3)
    assert b"someone" not in path.read_bytes()
    found, _, _ = safetensors_file.read_network(path)
    assert found.source == Path("foxes.zip")


def test_an_array_that_is_not_contiguous_is_saved_as_it_looks(variables, tmp_path):
    turned = variables["params"]["conv0"]["kernel"].T
    variables["params"]["conv0"]["kernel"] = turned
    safetensors_file.save_network(tmp_path / "g.safetensors", variables, CONFIG, step=1)
    _, _, found = safetensors_file.read_network(tmp_path / "g.safetensors")
    np.testing.assert_array_equal(found["params"]["conv0"]["kernel"], turned)


def test_nothing_half_written_is_left(path):
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(errors.MissingInputError, match=r"none\.safetensors"):
        safetensors_file.read_network(tmp_path / "none.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 100, 0.9])
def test_a_truncated_file_is_one_error(keep, path):
    content = path.read_bytes()
    size = keep if isinstance(keep, int) else int(keep * len(content))
    path.write_bytes(content[:size])
    with pytest.raises(errors.InputError, match=r"generator\.safetensors") as caught:
        safetensors_file.read_network(path)
    assert "\n" not in str(caught.value)


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(errors.InputError, match="not a generator of this project"):
        safetensors_file.read_network(path)


@pytest.mark.parametrize("change", [{"config": "{"}, {"config": "{}"}, {"step": "x"}])
def test_metadata_that_cannot_be_read_are_one_error(change, path):
    arrays = load_file(path)
    metadata = {
        "format": "dcgan_jax generator 1",
        "config": json.dumps({}),
        "step": "42",
        **change,
    }
    save_file(arrays, path, metadata=metadata)
    with pytest.raises(errors.InputError, match=r"generator\.safetensors"):
        safetensors_file.read_network(path)


def write(path, arrays, config):
    metadata = {"format": "dcgan_jax generator 1", "config": config, "step": "42"}
    save_file(arrays, path, metadata=metadata)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"a": np.zeros(2), "b": np.zeros(2, np.float32)}, "a is float64"),
        ({"a": np.zeros(2, np.int32)}, "a is int32"),
        (dict.fromkeys(("a", "a/b"), np.zeros(2, np.float32)), "a is an array and"),
    ],
)
def test_arrays_that_are_no_parameters_are_refused(arrays, told, tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, arrays, json.dumps(configs.to_json(presets.DIGITS)))
    with pytest.raises(errors.InputError, match=told):
        safetensors_file.read_network(path)


@pytest.mark.parametrize(
    "config", ['{"adam":' * 10**5, "[" * 10**5, '{"seed": ' + "9" * 5000 + "}"]
)
def test_a_hostile_config_is_one_error(config, tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, {"a": np.zeros(2, np.float32)}, config)
    with pytest.raises(errors.InputError, match="has damaged metadata"):
        safetensors_file.read_network(path)
