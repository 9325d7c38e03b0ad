"""`python -m dcgan_jax.evaluate` as a user meets it."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from dcgan_jax import presets
from dcgan_jax.config import data_config
from dcgan_jax.data import store as stores
from dcgan_jax.evaluate import __main__ as evaluate, parzen
from dcgan_jax.export import __main__ as export
from dcgan_jax.pictures import grid
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.sample.numbered import SampleStream

NUM_ROWS = 1000  # of the digits' 1,797 images; the others are held out


@pytest.fixture
def digits(data_dir):
    return [f"--data_dir={data_dir}", "--test_split=train"]


@pytest.fixture
def run(conditional_run, tmp_path):
    return shutil.copytree(conditional_run, tmp_path / "run")


@pytest.fixture(scope="module")
def store(conditional):
    return stores.open_store(stores.store_path(data_config(conditional.config)))


def read_numbers(path):
    return json.loads(path.read_text())["numbers"]


def flatten(images):
    return images.reshape(len(images), -1).astype(float)


@pytest.mark.long
def test_the_nearest_neighbour_error_is_scikit_learn_s_and_beside_table_3(
    run, digits, tmp_path, run_command, conditional, store
):
    out = tmp_path / "result.json"
    ended = run_command(
        evaluate.main, run, "--metric=nearest_neighbour", "--num_samples=1500",
        f"--out={out}", *digits,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "1,500 samples" in ended.out
    assert "1,000 samples: " in ended.err  # on the way
    assert "Table 3 (paper, MNIST): 2.98 %" in ended.out
    numbers = read_numbers(out)
    assert list(numbers["error_percent"]) == ["1000", "1500"]
    assert numbers["num_real"] == NUM_ROWS
    samples = SampleStream(conditional, seed=0)
    test = store.rows(np.arange(len(store)))
    real = store.rows(np.arange(NUM_ROWS))
    for images, classes, found in (
        (
            samples.images(1500),
            samples.labels(np.arange(1500)),
            numbers["error_percent"]["1500"],
        ),
        (real.images, real.labels, numbers["real_error_percent"]),
    ):
        model = KNeighborsClassifier(1, algorithm="brute")
        model.fit(flatten(images), classes)
        wrong = model.predict(flatten(test.images)) != test.labels
        assert found == pytest.approx(100 * wrong.mean(), abs=0.2)  # ties


def test_the_parzen_log_likelihood_is_of_pixels_from_0_to_1(
    run, digits, tmp_path, run_command, conditional, store
):
    out = tmp_path / "result.json"
    ended = run_command(
        evaluate.main, run, "--metric=parzen", "--num_samples=200",
        "--sigmas", 0.1, 0.3, 0.9, f"--out={out}", *digits,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "MNIST 225 ± 2" in ended.out
    images = flatten(store.rows(np.arange(len(store))).images) / 255
    expected = parzen.estimate_likelihood(
        flatten(SampleStream(conditional, seed=0).images(200)) / 255,
        valid=images[NUM_ROWS:],
        test=images,
        sigmas=[0.1, 0.3, 0.9],
    )
    numbers = read_numbers(out)
    assert numbers["log_likelihood"] == pytest.approx(expected.log_likelihood, rel=1e-4)
    assert numbers["standard_error"] == pytest.approx(expected.standard_error, rel=1e-3)
    assert numbers["sigma"] == expected.sigma
    assert list(numbers["validation"]) == ["0.1", "0.3", "0.9"]


def test_a_sigma_at_the_edge_is_warned_of(run, digits, run_command):
    ended = run_command(
        evaluate.main, run, "--metric=parzen", "--num_samples=50",
        "--sigmas", 0.01, 0.02, *digits,
    )  # fmt: skip
    assert ended.code == 0
    assert "at the edge of the grid 0.01 … 0.02: widen --sigmas" in ended.err


def test_a_run_that_held_nothing_out_is_warned_of(
    tiny_run, tmp_path, digits, run_command
):
    run = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    ended = run_command(
        evaluate.main, run, "--metric=parzen", "--num_samples=20", *digits
    )
    assert ended.code == 0, ended.err
    assert "sigma is chosen on images that it has seen" in ended.err


def test_memorisation_makes_a_picture_of_pairs(run, data_dir, run_command):
    ended = run_command(
        evaluate.main, run, "--metric=memorisation", "--num_samples=10",
        f"--data_dir={data_dir}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    picture = grid.read_picture(run / "evaluation" / "nearest_training_images.png")
    assert picture.shape == (2 * (32 + 6) - 6, 5 * (2 * 32 + 6) - 6, 1)
    assert "grey levels from the nearest training image" in ended.out
    assert "held out" in ended.out


def test_memorisation_needs_neither_labels_nor_a_test_split(
    tiny_run, tmp_path, data_dir, run_command
):
    run = shutil.copytree(tiny_run.workdir, tmp_path / "run")
    ended = run_command(
        evaluate.main, run, "--metric=memorisation", "--num_samples=3",
        f"--data_dir={data_dir}",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "held out" not in ended.out


def test_an_exported_generator_is_evaluated_beside_its_file(
    run, digits, tmp_path, run_command
):
    file = tmp_path / "exported" / "digits.safetensors"
    file.parent.mkdir()
    assert run_command(export.main, run, f"--out={file}").code == 0
    argv = ["--metric=nearest_neighbour", "--num_samples=700", *digits]
    told = [run_command(evaluate.main, where, *argv) for where in (run, file)]
    assert told[0].code == told[1].code == 0, told[1].err
    assert told[0].out == told[1].out
    assert list((file.parent / "evaluation").glob("nearest_neighbour-*.npz"))


def test_a_run_that_is_not_conditional_is_one_line(tiny_run, digits, one_error):
    message = one_error(
        evaluate.main, tiny_run.workdir, "--metric=nearest_neighbour", *digits
    )
    assert "is not conditional" in message
    assert "--preset=mnist_conditional" in message


def change_config(run, **changes):
    config = json.loads((run / run_dir.CONFIG).read_text())
    (run / run_dir.CONFIG).write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize("metric", ["parzen", "memorisation"])
def test_images_of_normalised_contrast_are_one_line(metric, run, digits, one_error):
    recipe = dataclasses.asdict(presets.RECIPES["goodfellow_cifar10"])
    changes = {
        name: recipe[name] for name in ("architecture", "adam", "sgd", "bn_affine")
    }
    change_config(run, **changes, num_classes=None)
    message = one_error(evaluate.main, run, f"--metric={metric}", *digits)
    assert "normalised contrast" in message


def test_other_images_than_those_trained_on_are_one_line(run, digits, one_error):
    change_config(run, data_fingerprint="f00d")
    message = one_error(evaluate.main, run, "--metric=memorisation", *digits)
    assert "was trained on other images" in message


def test_test_images_without_labels_are_one_line(
    run, digits, one_error, monkeypatch, store
):
    monkeypatch.setattr(
        stores.Store, "labels", lambda self: np.full(len(self), -1, np.int32)
    )
    message = one_error(evaluate.main, run, "--metric=nearest_neighbour", *digits)
    assert "have labels, which are needed" in message


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--metric=nearest_neighbour", "--num_samples=0"], "must be at least 1"),
        (
            ["--metric=nearest_neighbour", "--num_samples=2147483648"],
            "--num_samples=2147483648; it must be at most 2147483647",
        ),
        (["--metric=parzen", "--num_samples=1000000"], "1 to 100,000"),
        (["--metric=memorisation", "--num_samples=10001"], "1 to 10,000"),
        (["--metric=parzen", "--sigmas=0"], "must be above 0"),
        (["--metric=parzen", "--sigmas=nan"], "must be above 0"),
        (["--metric=parzen", "--out=result.txt"], "must end in .json"),
        (["--metric=beauty"], "beauty"),
        (["--metric=parzen", "--step=3"], "no checkpoint of step 3"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_flags_that_cannot_be_meant_are_one_line(argv, told, run, digits, one_error):
    assert told in one_error(evaluate.main, run, *argv, *digits)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("", "holds no run"),
        ("absent", "neither a run's folder nor an exported .safetensors file"),
        ("authors_svhn", "neither a run's folder nor an exported .safetensors file"),
        ("absent.safetensors", "there is no file"),
    ],
)
def test_what_is_no_run_is_one_line(where, told, tmp_path, one_error, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert told in one_error(evaluate.main, where or tmp_path, "--metric=parzen")


@pytest.mark.parametrize("metric", ["nearest_neighbour", "memorisation"])
def test_a_run_into_which_nothing_can_be_written_is_one_line(
    metric, run, digits, one_error
):
    (run / "evaluation").write_text("a file where the folder would be")
    told = one_error(evaluate.main, run, f"--metric={metric}", *digits)
    assert f"--metric={metric} writes into {run / 'evaluation'}, where nothing" in told
