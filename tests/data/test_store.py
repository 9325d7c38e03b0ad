import dataclasses
import json
import shutil

import numpy as np
import pytest

from dcgan_jax import errors
from dcgan_jax.data import prepare, store


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (50, 28, 28, 3), np.uint8)


@pytest.fixture
def config(tmp_path, make_config, pixels):
    labels = np.arange(50) % 7
    np.savez(tmp_path / "x.npz", images=pixels, labels=labels)
    return make_config(dataset="arrays", source=tmp_path / "x.npz")


@pytest.fixture
def path(config):
    return prepare.prepare(config, rows_per_shard=8)


def test_the_store_holds_every_image_once_with_its_label(path, pixels):
    rows = store.open_store(path)
    assert len(rows) == 50
    assert (rows.image_shape, rows.labelled) == ((28, 28, 3), True)
    assert rows.class_names == tuple("0123456")
    everything = rows.rows(np.arange(50))
    found = [
        int(np.flatnonzero((pixels == image).all((1, 2, 3)))[0])
        for image in everything.images
    ]
    assert sorted(found) == list(range(50))
    assert found != sorted(found)  # shuffled
    np.testing.assert_array_equal(everything.labels, np.array(found) % 7)


def test_rows_are_gathered_across_shards_in_the_order_asked(path):
    rows = store.open_store(path)
    everything = rows.rows(np.arange(50))
    indices = np.array([49, 0, 7, 8, 8, 23, 1])
    some = rows.rows(indices)
    np.testing.assert_array_equal(some.images, everything.images[indices])
    np.testing.assert_array_equal(some.labels, everything.labels[indices])
    assert some.images.flags["C_CONTIGUOUS"]
    assert some.images.flags["OWNDATA"]
    assert len(rows.rows(np.array([], np.int64)).images) == 0


@pytest.mark.parametrize("index", [-1, 50])
def test_a_row_out_of_range_is_an_index_error(path, index):
    with pytest.raises(IndexError):
        store.open_store(path).rows(np.array([index]))


def test_shards_are_plain_npy_files(path):
    shard = np.load(path / "images-00000.npy", allow_pickle=False)
    assert (shard.shape, shard.dtype) == ((8, 28, 28, 3), np.uint8)


def test_the_fingerprint_is_that_of_the_content(path, config, tmp_path, pixels):
    fingerprint = store.open_store(path).fingerprint
    elsewhere = shutil.copy(config.source, tmp_path / "y.npz")
    again = dataclasses.replace(config, source=elsewhere)
    assert store.store_path(again) != path
    copy = prepare.prepare(again, rows_per_shard=8)
    assert store.open_store(copy).fingerprint == fingerprint
    np.savez(tmp_path / "z.npz", images=pixels[::-1], labels=np.arange(50) % 7)
    other = dataclasses.replace(config, source=tmp_path / "z.npz")
    other_path = prepare.prepare(other, rows_per_shard=8)
    assert store.open_store(other_path).fingerprint != fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "tfds:a/b"},
        {"source": None},
        {"split": "test"},
        {"image_size": 32},
        {"channels": 1},
        {"upscale": True},
    ],
)
def test_every_setting_that_pixels_depend_on_has_a_folder_of_its_own(change, config):
    other = dataclasses.replace(config, **change)
    assert store.store_path(other) != store.store_path(config)


def test_settings_that_pixels_do_not_depend_on_share_the_folder(config):
    other = dataclasses.replace(config, num_workers=3)
    assert store.store_path(other) == store.store_path(config)


def test_odd_names_make_plain_folders(config):
    other = dataclasses.replace(config, dataset="tfds:a/b", split="train[:10%]")
    assert len(store.store_path(other).relative_to(config.data_dir).parts) == 2


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def cut(file):
    file.write_bytes(file.read_bytes()[:-100])


def replace_by_another_shape(file):
    np.save(file, np.zeros((3, 3), np.uint8))


def replace_by_objects(file):
    np.save(file, np.array([{}]), allow_pickle=True)


def remove(file):
    file.unlink()


@pytest.mark.parametrize("name", ["images-00003.npy", "labels-00003.npy"])
@pytest.mark.parametrize(
    "damage", [flip_a_bit, cut, replace_by_another_shape, replace_by_objects, remove]
)
def test_a_damaged_shard_is_named(name, damage, path):
    damage(path / name)
    with pytest.raises(errors.InputError, match=f"{name} .*run prepare again"):
        store.open_store(path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version": 1}', '{"version": 99}', '"text"']
)
def test_a_damaged_or_foreign_manifest_is_named(text, path):
    (path / "manifest.json").write_text(text)
    with pytest.raises(errors.InputError, match=r"manifest\.json .*run prepare again"):
        store.open_store(path)


def test_a_manifest_with_fewer_shards_is_refused(path):
    values = json.loads((path / "manifest.json").read_text())
    values["shards"].pop()
    (path / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(errors.InputError, match="counts 50 images, its shards 48"):
        store.open_store(path)


def test_large_stores_are_hashed_only_when_asked(path, monkeypatch):
    monkeypatch.setattr(store, "_HASH_UP_TO_BYTES", 1000)
    flip_a_bit(path / "images-00003.npy")
    assert len(store.open_store(path)) == 50
    with pytest.raises(errors.InputError, match="images-00003"):
        store.open_store(path, hash_all=True)


def test_no_store_at_all_says_run_prepare(tmp_path):
    assert not store.is_complete(tmp_path)
    with pytest.raises(errors.MissingInputError, match="run prepare first"):
        store.open_store(tmp_path)
