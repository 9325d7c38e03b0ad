import dataclasses
import json
import os
import shutil
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dcgan_jax.data import manifest, store
from dcgan_jax.prepare import build, shards
from dcgan_jax.system import errors


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
    return build.prepare(config, rows_per_shard=8)


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


def test_rows_are_gathered_into_memory_that_is_given(path):
    rows = store.open_store(path)
    out = np.zeros((3, 28, 28, 3), np.uint8)
    indices = np.array([49, 0, 8])
    assert rows.rows(indices, out).images is out
    np.testing.assert_array_equal(out, rows.rows(indices).images)


@settings(max_examples=50, deadline=None)
@given(chosen=st.sets(st.integers(0, 199), min_size=1))
def test_what_is_read_ahead_is_just_the_bytes_of_the_rows(chosen, tmp_path_factory):
    # Rows of 3 KB, so that some stretches are longer than a piece, 128 KiB, is.
    file = tmp_path_factory.getbasetemp() / "rows.npy"
    pixels = np.random.default_rng(0).integers(0, 256, (200, 32, 32, 3), np.uint8)
    if not file.exists():
        np.save(file, pixels)
    rows = np.sort(np.array(list(chosen)))
    pieces = store._cut(pixels, file, rows)
    content = file.read_bytes()
    read = b"".join(content[start : start + size] for start, size in pieces)
    assert read == pixels[rows].tobytes()
    assert pieces[:, 1].max() <= 128 << 10


def is_in_memory(file):
    """Tell whether a file's first byte can be read without the disk."""
    with file.open("rb") as opened:
        try:
            os.preadv(opened.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:
            return False
    return True


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="needs Linux")
def test_rows_that_will_be_read_are_brought_into_memory(path):
    file = path / "images-00003.npy"
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if is_in_memory(file):
        pytest.skip("this file system keeps its files in memory")
    rows = store.Store(path, manifest.read(path))
    rows.will_read(np.array([24, 25]))  # shard 3 holds rows 24 … 31
    deadline = time.monotonic() + 10
    while not is_in_memory(file):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_store_that_is_removed_can_be_read_to_the_end(path):
    rows = store.open_store(path)
    before = rows.rows(np.arange(50)).images
    shutil.rmtree(path)
    rows.will_read(np.arange(50))
    np.testing.assert_array_equal(rows.rows(np.arange(50)).images, before)


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
    copy = build.prepare(again, rows_per_shard=8)
    assert store.open_store(copy).fingerprint == fingerprint
    np.savez(tmp_path / "z.npz", images=pixels[::-1], labels=np.arange(50) % 7)
    other = dataclasses.replace(config, source=tmp_path / "z.npz")
    other_path = build.prepare(other, rows_per_shard=8)
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


@pytest.mark.parametrize("place", range(8, 128, 17))
def test_any_flipped_bit_of_a_shard_s_header_is_one_line(place, path):
    file = path / "images-00003.npy"
    content = file.read_bytes()
    for bit in range(8):
        harmed = bytearray(content)
        harmed[place] ^= 1 << bit
        file.write_bytes(harmed)
        with pytest.raises(errors.InputError, match=r"npy .*damaged|npy holds") as told:
            store.open_store(path)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version": 1}', '{"version": 99}', '"text"']
)
def test_a_damaged_or_foreign_manifest_is_named(text, path):
    (path / "manifest.json").write_text(text)
    with pytest.raises(errors.InputError, match=r"manifest\.json .*run prepare again"):
        store.open_store(path)


def test_any_flipped_bit_of_the_manifest_is_noticed(path):
    file = path / "manifest.json"
    content = file.read_bytes()
    for position in range(0, len(content), max(1, len(content) // 100)):
        harmed = bytearray(content)
        harmed[position] ^= 1
        file.write_bytes(harmed)
        with pytest.raises(errors.InputError, match=r"manifest\.json"):
            store.open_store(path)


def unsigned(values):
    """What a manifest holds that was written before there were signatures."""
    return {k: v for k, v in values.items() if k != "manifest_sha256"}


def test_a_manifest_without_a_signature_is_read(path):
    file = path / "manifest.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(unsigned(values)))
    assert len(store.open_store(path)) == 50


def test_a_manifest_with_fewer_shards_is_refused(path):
    values = unsigned(json.loads((path / "manifest.json").read_text()))
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


def change_a_shard(**changes):
    def change(values):
        values["shards"][0].update(changes)

    return change


@pytest.mark.parametrize(
    "change",
    [
        change_a_shard(images="../../images-00000.npy"),
        change_a_shard(images="/dev/zero"),
        change_a_shard(labels="a\nb.npy"),
        change_a_shard(images=None),
        change_a_shard(rows=-1),
        change_a_shard(rows="12"),
        change_a_shard(more=1),
        lambda values: values.update(left_out=[["a"]]),
        lambda values: values.update(class_names="ab"),
        lambda values: values.update(num_images=1e30),
        lambda values: values["transform"].update(image_size=None),
        lambda values: values["transform"].pop("channels"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_though_nothing_signs_it(change, path):
    values = unsigned(json.loads((path / "manifest.json").read_text()))
    change(values)
    (path / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(errors.InputError, match=r"manifest\.json is damaged") as told:
        store.open_store(path)
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    "content", [b"[" * 10**5, b'{"version": ' + b"9" * 5000, b"\xff\xfe", b"{\x00"]
)
def test_a_hostile_manifest_is_one_error(content, path):
    (path / "manifest.json").write_bytes(content)
    with pytest.raises(errors.InputError, match=r"manifest\.json .*run prepare again"):
        store.open_store(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"[" * 10**5, b"\xff", b"{}", b'{"shard": 3, "left_out": []}',
     b'{"shard": null, "left_out": [["a"]]}', b'{"shard": {}, "left_out": []}'],
)  # fmt: skip
def test_a_shard_whose_note_is_damaged_is_to_be_made_anew(content, tmp_path):
    (tmp_path / "shard-00000.json").write_bytes(content)
    assert shards.read(tmp_path, 0) is None
