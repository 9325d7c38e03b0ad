"""tfds' own builders on real MNIST, without a network."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from dcgan_jax.data import store, transforms
from dcgan_jax.prepare import build as prepare, sources
from dcgan_jax.prepare.sources import tfds
from dcgan_jax.system import errors, surroundings

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow ([data])"
)

BUILD = """
import sys
from pathlib import Path
from dcgan_jax.config import DataConfig
from dcgan_jax.prepare import build

if __name__ == "__main__":
    config = DataConfig(
        dataset=sys.argv[1], image_size=28, channels=1, data_dir=Path(sys.argv[2]),
        split=sys.argv[3],
    )
    print(build.prepare(config))
"""


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory, shared):
    """A tfds folder whose download cache holds the files of MNIST."""
    folder = tmp_path_factory.mktemp("tfds")
    seed = [sys.executable, shared / "tools" / "seed_tfds.py", folder, "mnist"]
    subprocess.run(seed, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def build(tfds_dir, tmp_path_factory):
    """Run `prepare` in a process of its own, as training does."""
    script = tmp_path_factory.mktemp("script") / "build.py"
    script.write_text(BUILD)

    def run(dataset: str, data_dir, split: str, **environment: str):
        return subprocess.run(
            [sys.executable, script, dataset, data_dir, split],
            env={**os.environ, "TFDS_DATA_DIR": str(tfds_dir), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@needs_tensorflow
@pytest.mark.long
def test_mnist_is_built_by_tfds_and_holds_the_right_pixels(
    build, tmp_path, tfds_dir, shared, make_config
):
    done = build("mnist", tmp_path / "stores", "test[:3000]")
    assert done.returncode == 0, done.stderr
    rows = store.open_store(store.Path(done.stdout.splitlines()[-1]))
    assert (len(rows), rows.image_shape) == (3000, (28, 28, 1))
    assert rows.class_names == tuple("0123456789")
    original = np.load(shared / "data" / "mnist.npz")
    labels = {
        image.tobytes(): label
        for image, label in zip(original["x_test"], original["y_test"], strict=True)
    }
    images, found = rows.rows(np.arange(3000))
    assert [labels[image.tobytes()] for image in images] == found.tolist()

    # What tfds has prepared is a source as well, and needs no TensorFlow.
    (prepared,) = (tfds_dir / "mnist").iterdir()
    config = make_config(dataset="mnist", source=prepared, channels=1, split="test")
    source = sources.open_source(config, tmp_path / "work")
    assert len(source) == 10_000
    record = source[17]
    image = transforms.apply(record.content, transforms.Transform(28, 1, False))
    assert labels[image.tobytes()] == record.label
    assert source.fingerprint == sources.fingerprint_source(config)
    with pytest.raises(errors.InputError, match="Unknown split 'tset'"):
        sources.open_source(
            make_config(source=prepared, split="tset"), tmp_path / "work"
        )


def test_an_unknown_name_gets_a_suggestion(make_config):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(errors.InputError, match="did you mean 'tfds:mnist'"):
        prepare.prepare(make_config(dataset="tfds:mnits"))


def test_without_tensorflow_the_extra_is_named(make_config, tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.InputError, match=r"pip install 'dcgan-jax\[data\]'"):
        prepare.prepare(make_config(dataset="tfds:cmaterdb"))


def test_what_needs_a_manual_download_says_what_to_do(
    build, tmp_path, tmp_path_factory
):
    empty = tmp_path_factory.mktemp("empty")
    done = build("imagenet32", tmp_path, "train", TFDS_DATA_DIR=str(empty))
    assert "go on with: --dataset=imagenet32 --source=FOLDER" in done.stderr


def test_a_data_set_without_images_lists_its_features(tmp_path, make_config):
    tfds = pytest.importorskip("tensorflow_datasets")
    info_dir = tmp_path / "words" / "1.0.0"
    write_prepared(tfds, info_dir)
    with pytest.raises(errors.InputError, match="no image feature; it has: text"):
        sources.open_source(make_config(source=info_dir), tmp_path / "work")


def write_prepared(tfds, folder) -> None:
    """Write the description of a prepared data set of texts."""
    folder.mkdir(parents=True)
    (folder / "words-train.array_record-00000-of-00001").touch()
    split = tfds.core.SplitInfo(
        name="train",
        shard_lengths=[1],
        num_bytes=1,
        filename_template=tfds.core.ShardedFileTemplate(
            data_dir=folder, dataset_name="words", filetype_suffix="array_record"
        ),
    )
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
        split_infos=[split],
        check_data=False,
    )


def test_a_user_without_a_home_gets_data_sets_below_data_dir(
    make_config, tmp_path, monkeypatch
):
    asked = []

    def builder(name, **flags):
        asked.append(flags["data_dir"])
        raise ValueError("enough")

    monkeypatch.setattr(tfds._import(), "builder", builder)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    config = make_config(dataset="mnist", data_dir=tmp_path)
    for has_home in (True, False):
        monkeypatch.setattr(surroundings, "has_home", lambda has=has_home: has)
        with pytest.raises(errors.InputError, match="enough"):
            tfds.build(config, tmp_path)
    assert asked == [None, tmp_path / "tensorflow_datasets"]
