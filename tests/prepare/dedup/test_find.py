"""Deduplication of a store, and runs on what it keeps."""

import dataclasses
import shutil

import numpy as np
import pytest
from scipy import ndimage

from dcgan_jax.config import DataConfig
from dcgan_jax.data import kept_rows, ready, store as stores
from dcgan_jax.pictures import grid
from dcgan_jax.prepare import build
from dcgan_jax.prepare.dedup import find, hashes
from dcgan_jax.prepare.dedup.hashes import DedupConfig
from dcgan_jax.system import errors
from dcgan_jax.train import loop

SHORT = DedupConfig(num_steps=60, max_distance=3)
NUM_COPIES = 40


def draw_smooth(count):
    """Draw pictures of large patterns, as photographs have them."""
    noise = np.random.default_rng(0).normal(size=(count, 32, 32, 3))
    smooth = ndimage.gaussian_filter(noise, (0, 4, 4, 0), mode="wrap")
    scaled = 128 + 40 * smooth / smooth.std()
    return np.clip(scaled, 0, 255).astype(np.uint8)


def make_store(folder, images):
    folder.mkdir(exist_ok=True)
    np.save(folder / "x.npy", images)
    config = DataConfig(
        dataset="arrays", source=folder / "x.npy", image_size=32,
        channels=images.shape[-1], data_dir=folder / "data", num_workers=1,
        dedup=True,
    )  # fmt: skip
    build.prepare(config, show_progress=False)
    return config


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    images = draw_smooth(600)
    folder = tmp_path_factory.mktemp("dedup")
    return make_store(folder, np.concatenate([images, images[:NUM_COPIES]]))


@pytest.fixture(scope="module")
def found(prepared):
    return find.make_list(prepared, SHORT, show_progress=False)


def test_copies_are_left_out_and_their_originals_kept(prepared, found):
    store = stores.open_store(stores.store_path(prepared))
    assert len(found.rows) == 600
    assert found.num_exact == NUM_COPIES
    for kept, copy in found.groups:
        assert kept < copy
        images = store.rows(np.array([kept, copy])).images
        np.testing.assert_array_equal(images[0], images[1])


def test_what_was_found_is_told(found):
    assert find.describe_kept(found) == (
        "40 of 640 images are near duplicates of others (6.25%, 40 of equal hash, the"
        " others up to 3 bits apart), 600 are kept"
    )


def test_the_groups_are_drawn_side_by_side(prepared, found):
    path = kept_rows.folder_of(prepared) / find.SHEET
    sheet = grid.read_picture(path)
    first = stores.open_store(stores.store_path(prepared)).rows(
        np.array(found.groups[0])
    )
    np.testing.assert_array_equal(sheet[:32, :32], first.images[0])
    np.testing.assert_array_equal(sheet[:32, 34:66], first.images[1])


def test_a_list_that_is_there_is_not_made_again(prepared, found, monkeypatch):
    monkeypatch.setattr(hashes, "learn_autoencoder", None)
    monkeypatch.setattr(hashes, "hash_images", None)
    again = find.make_list(prepared, show_progress=False)
    np.testing.assert_array_equal(again.rows, found.rows)


@pytest.mark.long
def test_other_settings_make_the_list_anew_and_the_same_seed_the_same(
    prepared, found, tmp_path
):
    copy = dataclasses.replace(prepared, data_dir=tmp_path / "data")
    shutil.copytree(prepared.data_dir, copy.data_dir)
    other = dataclasses.replace(SHORT, max_distance=0)
    lists = [find.make_list(copy, how, show_progress=False) for how in (other, SHORT)]
    assert [made.settings["max_distance"] for made in lists] == [0, 3]
    assert lists[1].groups == found.groups


def test_what_was_stopped_goes_on_behind_the_last_part(
    prepared, found, tmp_path, monkeypatch
):
    copy = dataclasses.replace(prepared, data_dir=tmp_path / "data")
    shutil.copytree(prepared.data_dir, copy.data_dir)
    shutil.rmtree(kept_rows.folder_of(copy))
    monkeypatch.setattr(find, "_PART_ROWS", 100)
    hashed, whole = [], find.hash_rows

    def stop_at_the_third(store, weights, rows):
        if len(hashed) == 2:
            raise KeyboardInterrupt
        hashed.append(rows[0])
        return whole(store, weights, rows)

    monkeypatch.setattr(find, "hash_rows", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        find.make_list(copy, SHORT, show_progress=False)
    assert not kept_rows.is_complete(kept_rows.folder_of(copy))

    def note(store, weights, rows):
        hashed.append(rows[0])
        return whole(store, weights, rows)

    monkeypatch.setattr(find, "hash_rows", note)
    monkeypatch.setattr(hashes, "learn_autoencoder", None)
    again = find.make_list(copy, SHORT, show_progress=False)
    assert hashed == [0, 100, 200, 300, 400, 500, 600]
    assert again.groups == found.groups
    left = {path.name for path in kept_rows.folder_of(copy).iterdir()}
    assert left == {"kept_rows.npy", "groups.json", "groups.png"}


def test_grey_images_are_deduplicated_too(tmp_path):
    images = draw_smooth(510)[..., :1]
    images[505:] = images[:5]
    config = make_store(tmp_path, images)
    assert len(find.make_list(config, SHORT, show_progress=False).rows) == 505


def test_a_store_that_is_too_small_is_refused_and_nothing_written(tmp_path):
    config = make_store(tmp_path, draw_smooth(499))
    with pytest.raises(errors.InputError, match=r"499 images.*at least 500"):
        find.make_list(config, show_progress=False)
    assert not kept_rows.folder_of(config).exists()


@pytest.mark.long
def test_a_run_is_bound_to_its_list(tiny_config, tmp_path, monkeypatch):
    data = tmp_path / "data"
    shutil.copytree(tiny_config.data_dir, data)
    config = dataclasses.replace(
        tiny_config, data_dir=data, workdir=tmp_path / "run", num_steps=2, dedup=True
    )
    started = []
    with monkeypatch.context() as patched:
        patched.setattr(
            ready.subprocess, "Popen", lambda *command, **_: started.append(command)
        )
        with pytest.raises(TypeError):  # the process that would prepare it is none
            ready.make_ready(config)
    assert "--dedup" in started[0][0]
    with pytest.raises(errors.MissingInputError, match="--dedup"):
        loop.run(config)
    store = stores.open_store(stores.store_path(config))
    folder = kept_rows.folder_of(config)
    folder.mkdir()

    def keep(count):
        leaders = np.minimum(np.arange(len(store)), count - 1)
        kept = kept_rows.make(leaders, num_exact=0, settings={})
        kept_rows.write(folder, kept, fingerprint=store.fingerprint)

    keep(200)
    assert ready.make_ready(config) == 0
    assert len(started) == 1
    loop.run(config)
    longer = dataclasses.replace(config, num_steps=4)
    whole = dataclasses.replace(longer, dedup=False)
    with pytest.raises(errors.InputError, match="dedup=True"):
        loop.run(whole)
    keep(100)
    with pytest.raises(errors.InputError, match="a run on other images of"):
        loop.run(longer)
