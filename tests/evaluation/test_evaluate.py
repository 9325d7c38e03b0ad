"""`python -m dcgan_jax.evaluate` as a user meets it."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import evaluate


@pytest.fixture
def digits(data_dir):
    return [f"--data_dir={data_dir}", "--test_split=train"]


@pytest.fixture
def run(conditional_run, tmp_path):
    return shutil.copytree(conditional_run, tmp_path / "run")


def test_the_nearest_neighbour_error_is_told_beside_table_3(
    run, digits, tmp_path, run_command
):
    out = tmp_path / "result.json"
    ended = run_command(
        evaluate.main, run, "--metric=nearest_neighbour", "--num_samples=1500",
        f"--out={out}", *digits,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "1,500 samples" in ended.out
    assert "Table 3 (paper): 2.98 %" in ended.out
    result = json.loads(out.read_text())
    numbers = result["numbers"]
    assert list(numbers["error_percent"]) == ["1000", "1500"]
    # Of the digits' 1,797 images the first 1,000 are compared with all of them.
    assert numbers["num_real"] == 1000
    assert 0 < numbers["real_error_percent"] < 10
    assert numbers["real_error_percent"] < numbers["error_percent"]["1500"] <= 100
    assert result["seed"] == 0


def test_the_parzen_log_likelihood_is_told_with_its_sigma(
    run, digits, tmp_path, run_command
):
    out = tmp_path / "result.json"
    ended = run_command(
        evaluate.main, run, "--metric=parzen", "--num_samples=200",
        "--sigmas", 0.1, 0.3, 0.9, f"--out={out}", *digits,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "MNIST 225 ± 2" in ended.out
    numbers = json.loads(out.read_text())["numbers"]
    assert np.isfinite(numbers["log_likelihood"])
    assert numbers["standard_error"] > 0
    assert numbers["sigma"] in (0.1, 0.3, 0.9)
    assert set(numbers["validation"]) == {"0.1", "0.3", "0.9"}


def test_a_sigma_at_the_edge_is_warned_of(run, digits, run_command):
    ended = run_command(
        evaluate.main, run, "--metric=parzen", "--num_samples=50",
        "--sigmas", 0.01, 0.02, *digits,
    )  # fmt: skip
    assert ended.code == 0
    assert "at the edge of the grid 0.01 … 0.02: widen --sigmas" in ended.err


def test_memorisation_makes_a_picture_of_pairs(run, digits, run_command):
    ended = run_command(
        evaluate.main, run, "--metric=memorisation", "--num_samples=10", *digits
    )
    assert ended.code == 0, ended.err
    with Image.open(run / "evaluation" / "nearest_training_images.png") as picture:
        assert picture.size == (5 * (2 * 32 + 6) - 6, 2 * (32 + 6) - 6)
    assert "grey levels from the nearest training image" in ended.out


def test_memorisation_needs_no_labels(tiny_run, tmp_path, digits, run_command):
    run = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    ended = run_command(
        evaluate.main, run, "--metric=memorisation", "--num_samples=3", *digits
    )
    assert ended.code == 0, ended.err


def test_a_run_that_is_not_conditional_is_one_line(tiny_run, digits, one_error):
    message = one_error(
        evaluate.main, tiny_run.workdir, "--metric=nearest_neighbour", *digits
    )
    assert "is not conditional" in message
    assert "--preset=mnist_conditional" in message


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--num_samples=0", "expected 1 to 2,147,483,647"),
        ("--num_samples=2147483648", "the most that can be counted"),
        ("--sigmas=0", "must be above 0"),
        ("--sigmas=nan", "must be above 0"),
        ("--out=result.txt", "must end in .json"),
        ("--metric=beauty", "beauty"),
        ("--step=3", "no checkpoint of step 3"),
    ],
)
def test_flags_that_cannot_be_meant_are_one_line(flag, told, run, digits, one_error):
    argv = [run, "--metric=nearest_neighbour", flag]
    if flag.startswith("--metric"):
        argv = [run, flag]
    assert told in one_error(evaluate.main, *argv, *digits)


def test_a_folder_without_a_run_is_one_line(tmp_path, one_error):
    message = one_error(evaluate.main, tmp_path, "--metric=parzen")
    assert "holds no run" in message
    message = one_error(evaluate.main, tmp_path / "absent", "--metric=parzen")
    assert "neither a run's folder nor" in message
