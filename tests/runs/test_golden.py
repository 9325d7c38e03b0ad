"""Files of the first release load for ever.

`golden/` was written once, by these commands, and is never written anew:

    train --dataset=arrays --source=/golden/images.npz --image_size=28 --channels=1
          --width_multiplier=0.016 --batch_size=8 --num_steps=4
          --checkpoint_every_steps=4 --sample_every_steps=4 --log_every_steps=2
          --workdir=run --data_dir=data
    sample run --num=4 --out=samples.npz
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from dcgan_jax.data import store as stores
from dcgan_jax.runs import checkpoints, folder as run_dir, load as loading
from dcgan_jax.sample import __main__ as sample
from dcgan_jax.train import __main__ as train

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def golden(tmp_path, monkeypatch):
    """A copy to work in."""
    folder = shutil.copytree(GOLDEN, tmp_path / "golden")
    monkeypatch.chdir(folder)
    return folder


def test_a_store_of_the_first_release_opens(golden):
    config = run_dir.read_config(golden / "run")
    store = stores.open_store(stores.store_path(config), hash_all=True)
    with np.load(golden / "images.npz") as given:
        images, labels = given["images"], given["labels"]
    rows = store.rows(np.arange(len(store)))
    found = sorted(zip(rows.labels, rows.images.tolist(), strict=True))
    assert found == sorted(zip(labels, images.tolist(), strict=True))


def test_a_run_of_the_first_release_draws_the_same_images(golden, run_command):
    ended = run_command(sample.main, "run", "--num=4", "--out=now.npz")
    assert ended.code == 0, ended.err
    with np.load("now.npz") as now, np.load("samples.npz") as then:
        difference = now["images"].astype(int) - then["images"].astype(int)
    assert np.abs(difference).max() <= 1


def test_a_run_of_the_first_release_goes_on(golden, run_command):
    ended = run_command(
        train.main,
        "--dataset=arrays", "--source=/golden/images.npz", "--image_size=28",
        "--channels=1",
        "--width_multiplier=0.016", "--batch_size=8", "--num_steps=6",
        "--workdir=run", "--data_dir=data",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert "going on from step 4" in ended.err
    assert checkpoints.find_newest(golden / "run" / "checkpoints").step == 6


@pytest.mark.parametrize(
    ("num_layers", "then"),
    [
        (None, "1a1ead76e9c9066c45b863bac8c6dbb6a7d3ad7a3982040d445290fccfb43d70"),
        (1, "85acb98d8210508a8a70cb4f12bd8a06939dc0c8900960bd3e2263d691f44ca4"),
    ],
)
def test_files_of_features_of_before_name_the_same_discriminator(num_layers, then):
    run = str(GOLDEN / "run")
    assert loading.load_discriminator(run, num_layers=num_layers).digest == then
