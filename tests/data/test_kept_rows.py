import dataclasses
import hashlib
import json

import numpy as np
import pytest

from dcgan_jax.data import kept_rows, store as stores
from dcgan_jax.prepare import build
from dcgan_jax.system import errors

LEADERS = np.array([0, 1, 0, 3, 1, 0])


@pytest.fixture
def config(make_folder, make_config):
    names = [f"{label}/{number}.png" for label in "ab" for number in range(3)]
    return make_config(source=make_folder(*names), num_workers=1, dedup=True)


@pytest.fixture
def store(config):
    return stores.open_store(build.prepare(config, show_progress=False))


@pytest.fixture
def kept():
    return kept_rows.make(LEADERS, num_exact=2, settings={"seed": 3})


@pytest.fixture
def folder(config, store, kept):
    path = kept_rows.folder_of(config)
    path.mkdir()
    kept_rows.write(path, kept, fingerprint=store.fingerprint)
    return path


def test_rows_are_sorted_into_groups_whose_first_is_kept(kept):
    assert kept.rows.tolist() == [0, 1, 3]
    assert kept.groups == [[0, 2, 5], [1, 4]]


def test_a_list_is_read_as_it_was_written(folder, store, kept):
    found = kept_rows.read(folder, fingerprint=store.fingerprint)
    np.testing.assert_array_equal(found.rows, kept.rows)
    assert dataclasses.replace(found, rows=kept.rows) == kept


def test_the_files_are_plain_and_say_what_they_hold(folder):
    np.testing.assert_array_equal(np.load(folder / "kept_rows.npy"), [0, 1, 3])
    about = json.loads((folder / "groups.json").read_text())
    assert (about["num_images"], about["num_kept"]) == (6, 3)


def test_a_list_without_groups_is_read_too(folder, store):
    nothing = kept_rows.make(np.arange(6), num_exact=0, settings={})
    kept_rows.write(folder, nothing, fingerprint=store.fingerprint)
    found = kept_rows.read(folder, fingerprint=store.fingerprint)
    assert (found.groups, len(found.rows)) == ([], 6)


def test_a_run_sees_the_kept_rows_alone(config, store, folder):
    seen = kept_rows.open_training_store(config)
    assert len(seen) == 3
    assert seen.num_bytes == store.num_bytes / 2
    images, labels = seen.rows(np.array([2, 0]))
    np.testing.assert_array_equal(images, store.rows(np.array([3, 0])).images)
    assert labels.tolist() == store.labels()[[3, 0]].tolist()
    assert seen.labels().tolist() == store.labels()[[0, 1, 3]].tolist()
    seen.will_read(np.array([1, 0]))
    with pytest.raises(IndexError):
        seen.rows(np.array([3]))


def test_a_selection_of_a_selection_counts_from_it(store):
    twice = store.select(np.array([1, 3, 5])).select(np.array([0, 2]))
    expected = store.rows(np.array([1, 5])).images
    np.testing.assert_array_equal(twice.rows(np.arange(2)).images, expected)


def test_unasked_for_a_run_sees_every_row(config, folder):
    whole = dataclasses.replace(config, dedup=False)
    assert len(kept_rows.open_training_store(whole)) == 6


def test_the_fingerprint_tells_lists_apart(store):
    rows = [np.arange(6), np.array([0, 1, 3]), np.array([0, 1, 4])]
    prints = {store.fingerprint, *(store.select(r).fingerprint for r in rows)}
    assert len(prints) == 4


def test_without_a_list_the_message_says_how_to_make_it(config, store):
    with pytest.raises(errors.MissingInputError, match=r"no groups.json.*--dedup"):
        kept_rows.open_training_store(config)


def change_groups(**changes):
    def spoil(folder):
        file = folder / "groups.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            lambda folder: (folder / "kept_rows.npy").unlink(),
            "kept_rows.npy is missing",
        ),
        (
            lambda folder: np.save(folder / "kept_rows.npy", np.arange(2)),
            r"kept_rows.npy is damaged",
        ),
        (lambda folder: (folder / "groups.json").write_text("{"), "groups.json is dam"),
        (lambda folder: (folder / "groups.json").write_text("[1]"), "not this proj"),
        (change_groups(groups=3), "damaged"),
        (change_groups(version=9), "version 9, expected 1"),
        (change_groups(data_fingerprint="x"), "other images"),
    ],
)
def test_a_damaged_or_foreign_list_is_refused(config, folder, spoil, told):
    spoil(folder)
    with pytest.raises(errors.InputError, match=told):
        kept_rows.open_training_store(config)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([0, 1, 6], "keeps row 6 of a store of 6"),
        ([-1, 0, 1], "do not ascend from 0"),
        ([0, 3, 1], "do not ascend from 0"),
        ([0, 1, 1], "do not ascend from 0"),
        ([0.0, 1.0, 3.0], "holds float64"),
        ([[0], [1], [3]], r"int64 \(3, 1\)"),
        ([0, 1], r"int64 \(2,\)"),
    ],
)
def test_rows_that_no_list_has_are_refused_though_they_are_signed(
    config, folder, rows, told
):
    np.save(folder / "kept_rows.npy", np.array(rows))
    content = (folder / "kept_rows.npy").read_bytes()
    change_groups(kept_rows_sha256=hashlib.sha256(content).hexdigest())(folder)
    with pytest.raises(errors.InputError, match=told):
        kept_rows.open_training_store(config)


@pytest.mark.parametrize(
    "content", [b"[" * 10**5, b'{"version": 1, "num_exact": Infinity}', b"\xff"]
)
def test_hostile_groups_are_one_error(config, folder, content):
    (folder / "groups.json").write_bytes(content)
    with pytest.raises(errors.InputError, match=r"groups\.json is damaged"):
        kept_rows.open_training_store(config)
