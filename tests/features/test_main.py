"""The command, from labelled folders to a result."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from dcgan_jax.features import __main__ as features


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits as pictures: train/ with 30 and test/ with 10 of each class."""
    path = tmp_path_factory.mktemp("pictures")
    digits = load_digits()
    for label in range(10):
        rows = np.flatnonzero(digits.target == label)[:40]
        for number, row in enumerate(rows):
            split = "train" if number < 30 else "test"
            file = path / split / str(label) / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = (digits.images[row] * 255 / 16).astype(np.uint8)
            Image.fromarray(pixels).save(file)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def flags(folder, data, tiny_run):
    return [
        "--target=folder", f"--source={folder}", f"--data_dir={data}", "--upscale",
        "--num_workers=1", f"--weights={tiny_run.workdir}", "--classifier=linear_svc",
    ]  # fmt: skip


def run(run_command, tmp_path, *flags):
    out = tmp_path / "result.json"
    ended = run_command(features.main, *flags, f"--out={out}")
    assert ended.code == 0, ended
    return json.loads(out.read_text()), ended


def test_a_run_classifies_digits(run_command, tmp_path, flags):
    result, ended = run(
        run_command, tmp_path, *flags, "--labels_per_class=15", "--draws=3"
    )
    numbers = result["numbers"]
    assert numbers["feature_size"] == 16 * (4 + 8 + 16)
    assert len(numbers["accuracies"]) == 3
    assert numbers["accuracy_mean"] > 0.5  # guessing: 0.1
    assert numbers["accuracy_std"] > 0
    assert "accuracy" in ended.out
    assert "15 labels a class" in result["protocol"]
    assert result["command"].startswith("python -m dcgan_jax.features --target=folder")


def test_a_second_run_finds_the_features_and_the_same_numbers(
    run_command, tmp_path, flags
):
    more = ["--labels_per_class=15", "--draws=2"]
    first, _ = run(run_command, tmp_path, *flags, *more)
    second, ended = run(run_command, tmp_path, *flags, *more)
    assert first["numbers"] == second["numbers"]
    assert "extracting" not in ended.err


@pytest.mark.parametrize(
    "more",
    [
        ["--labels_per_class=all"],
        ["--batch_statistics=running", "--C=0.01"],
        ["--num_layers=1", "--C=0.01", "--feature_dtype=float16"],
        ["--method=pixels", "--channels=1", "--C=0.001"],
        ["--method=neighbours", "--channels=1"],
        pytest.param(
            ["--method=kmeans", "--channels=1", "--num_centroids=12", "--C=0.01"],
            marks=pytest.mark.long,
        ),
    ],
)
def test_every_method_beats_guessing_by_far(run_command, tmp_path, flags, more):
    result, _ = run(run_command, tmp_path, *flags, *more)
    assert result["numbers"]["accuracy_mean"] > 0.4


def test_random_filters_are_named_as_such(run_command, tmp_path, flags, tiny_run):
    more = [f"--weights=random:{tiny_run.workdir}", "--C=0.01"]
    result, _ = run(run_command, tmp_path, *flags, *more)
    assert "random:" in result["what"]
    assert "seed 0" in result["what"]


@pytest.mark.long
def test_the_supervised_search_reports_its_validation_error(
    run_command, tmp_path, flags
):
    more = ["--method=supervised", "--num_trials=1", "--num_epochs=1"]
    result, ended = run(run_command, tmp_path, *flags, *more)
    assert 0 < result["numbers"]["validation_error"] <= 1
    assert "best of 1 trials" in ended.out


@pytest.fixture
def last_error(run_command):
    """Run the command, which must refuse its input in one line, after any progress."""

    def refuse(*argv):
        ended = run_command(features.main, *argv)
        assert ended.code == 2, ended
        assert "Traceback" not in ended.err
        *progress, last = ended.err.splitlines()
        assert last.startswith("error: ")
        assert not any("error" in line for line in progress)
        return last

    return refuse


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["--target=flder"], "did you mean 'folder'"),
        (["--labels_per_class=29"], "fewer than --labels_per_class=29"),
        (["--labels_per_class=0"], "--labels_per_class=0"),
        (["--draws=0"], "--draws=0"),
        (["--C=0"], "--C=0.0; it must be above 0"),
        (["--out=result.txt"], "must end in .json"),
        (["--num_layers=9"], "3 convolutions"),
        (["--weights=nowhere"], "neither a run's folder"),
        (["--test_split=val"], "no split 'val'"),
    ],
)
def test_bad_flags_are_one_line(last_error, flags, changes, told):
    assert told in last_error(*flags, *changes)


def test_a_target_without_weights_of_its_own_asks_for_some(last_error, flags):
    without = [flag for flag in flags if not flag.startswith("--weights")]
    assert "give --weights" in last_error(*without)


def test_running_statistics_that_are_not_there_are_told(last_error, flags, tiny_run):
    more = [f"--weights=random:{tiny_run.workdir}", "--batch_statistics=running"]
    assert "without running batch statistics" in last_error(*flags, *more)


def test_a_target_without_labels_is_told(last_error, flags, folder, tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for number, file in enumerate((folder / split).rglob("*.png")):
            shutil.copy(file, tmp_path / split / f"{number}.png")
    message = last_error(*flags, f"--source={tmp_path}", f"--data_dir={tmp_path / 'd'}")
    assert "folder (train) has no labels" in message


def test_constant_features_are_told(last_error, flags, tmp_path):
    for split in ("train", "test"):
        for label in "ab":
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(20):
                file = tmp_path / split / label / f"{number}.png"
                Image.new("L", (32, 32), 99).save(file)
    message = last_error(*flags, f"--source={tmp_path}", f"--data_dir={tmp_path / 'd'}")
    assert "features are constant over all 40 images" in message


def test_features_of_another_model_in_the_cache_are_refused(
    last_error, run_command, flags, folder, data, tmp_path
):
    own = tmp_path / "d"
    shutil.copytree(data, own)
    here = [*flags, f"--data_dir={own}", "--C=0.01"]
    run(run_command, tmp_path, *here)
    for manifest in own.glob("features/*/manifest.json"):
        values = json.loads(manifest.read_text())
        values["identity"]["weights"] = "another"
        manifest.write_text(json.dumps(values))
    assert "their weights is 'another'" in last_error(*here)
