"""The experiments' scripts, with runs and stores made in this process."""

import dataclasses
import json

import numpy as np
import pytest

from dcgan_jax import config as configs
from dcgan_jax.data import ready
from dcgan_jax.prepare import build
from dcgan_jax.train import __main__ as train
from experiments import results, trained


@pytest.fixture(scope="session")
def ten_images(tmp_path_factory):
    """An .npz of 28×28 images in ten classes, all images of a class the same.

    150 to train on, the 10,000 that the recipes hold out, and 40 to test on.
    """
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 256, (10, 28, 28), np.uint8)
    y_train = np.arange(150 + 10_000) % 10
    y_test = np.arange(40) % 10
    path = tmp_path_factory.mktemp("source") / "ten.npz"
    np.savez(
        path, x_train=classes[y_train], y_train=y_train,
        x_test=classes[y_test], y_test=y_test,
    )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def stores_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.fixture
def in_process(monkeypatch, tmp_path):
    """Prepare and train without starting processes; return where results then go."""

    def make_ready(config):
        config = dataclasses.replace(configs.data_config(config), num_workers=1)
        build.prepare(config, show_progress=False)
        return 0

    monkeypatch.setattr(ready, "make_ready", make_ready)
    monkeypatch.setattr(trained, "run_train", train.main)
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    results.FOLDER.mkdir()
    return results.FOLDER


@pytest.fixture
def read_numbers(in_process):
    """Read the numbers of a result, by its name."""

    def read(name):
        return json.loads((in_process / f"{name}.json").read_text())["numbers"]

    return read
