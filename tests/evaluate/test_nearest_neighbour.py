"""The streaming count: right, resumable, and of one thing only."""

import fcntl

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from dcgan_jax.data.batches import Batch
from dcgan_jax.evaluate import nearest_neighbour
from dcgan_jax.evaluate.nearest_neighbour import Identity
from dcgan_jax.system import errors

IDENTITY = Identity("a generator", 0, "test images")
NUM_SAMPLES = 3500


class Rows:
    """Labelled images, which a store is."""

    def __init__(self, images, labels):
        self._images, self._labels = images, labels

    def __len__(self):
        return len(self._images)

    def rows(self, indices):
        return Batch(self._images[indices], self._labels[indices])

    def labels(self):
        return self._labels

    def will_read(self, indices):
        pass


class Noise:
    """An endless row of images that look like their labels, a little."""

    def __init__(self):
        self.drawn = []

    def block(self, first, count):
        self.drawn.append(first)
        rows = np.arange(first, first + count)
        noise = np.stack(
            [np.random.default_rng(row).integers(0, 256, (4, 4, 1)) for row in rows]
        )
        signal = self.labels(rows)[:, None, None, None] * 25
        return ((3 * noise + signal) // 4).astype(np.uint8)

    def labels(self, rows):
        return rows % 10


@pytest.fixture(scope="module")
def test_rows():
    rows = np.arange(10**6, 10**6 + 230)
    noise = Noise()
    return Rows(noise.block(rows[0], len(rows)), noise.labels(rows).astype(np.int32))


@pytest.fixture(autouse=True)
def few_marks(monkeypatch):
    monkeypatch.setattr(nearest_neighbour, "MARKS", (1000, 2048, 2500, 10**7))
    monkeypatch.setattr(nearest_neighbour, "_BLOCKS_BETWEEN_SAVES", 1)


def measure(samples, test, folder, *, num_samples=NUM_SAMPLES, identity=IDENTITY):
    return nearest_neighbour.count_errors(
        samples, test, num_samples=num_samples, identity=identity, folder=folder
    )


def test_errors_are_those_of_scikit_learn_at_every_mark(test_rows, tmp_path):
    found = measure(Noise(), test_rows, tmp_path)
    assert list(found) == [1000, 2048, 2500, NUM_SAMPLES]
    samples = Noise()
    images = samples.block(0, NUM_SAMPLES).reshape(NUM_SAMPLES, -1)
    queries = test_rows.rows(np.arange(230)).images.reshape(230, -1)
    for count, error in found.items():
        model = KNeighborsClassifier(1, algorithm="brute")
        model.fit(images[:count].astype(float), samples.labels(np.arange(count)))
        wrong = model.predict(queries.astype(float)) != test_rows.labels()
        assert error == pytest.approx(100 * wrong.mean(), abs=0.5)  # ties
    assert 0 < found[NUM_SAMPLES] < 90


def test_a_stopped_count_goes_on_where_it_was(test_rows, tmp_path):
    whole = measure(Noise(), test_rows, tmp_path / "whole")

    class Stopped(Noise):
        def block(self, first, count):
            if first >= 2048:
                raise KeyboardInterrupt
            return super().block(first, count)

    with pytest.raises(KeyboardInterrupt):
        measure(Stopped(), test_rows, tmp_path / "stopped")
    second = Noise()
    assert measure(second, test_rows, tmp_path / "stopped") == whole
    assert second.drawn == [2048, 3072]


def test_a_longer_count_goes_on_from_a_shorter_one(test_rows, tmp_path):
    measure(Noise(), test_rows, tmp_path, num_samples=2100)
    longer = Noise()
    found = measure(longer, test_rows, tmp_path)
    assert longer.drawn == [3072]
    assert found == measure(Noise(), test_rows, tmp_path / "anew")


def test_a_shorter_count_leaves_the_longer_one_as_it_is(test_rows, tmp_path):
    measure(Noise(), test_rows, tmp_path)
    (file,) = tmp_path.glob("*.npz")
    before = file.read_bytes()
    found = measure(Noise(), test_rows, tmp_path, num_samples=500)
    assert found == measure(Noise(), test_rows, tmp_path / "anew", num_samples=500)
    assert file.read_bytes() == before


def test_a_finished_count_is_told_without_a_sample(test_rows, tmp_path):
    whole = measure(Noise(), test_rows, tmp_path, num_samples=2048)
    again = Noise()
    assert measure(again, test_rows, tmp_path, num_samples=2048) == whole
    assert again.drawn == []


@pytest.mark.parametrize("field", Identity._fields)
def test_counts_of_other_things_are_kept_apart(field, test_rows, tmp_path):
    measure(Noise(), test_rows, tmp_path)
    other = IDENTITY._replace(**{field: 7})
    samples = Noise()
    measure(samples, test_rows, tmp_path, identity=other)
    assert samples.drawn[0] == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x00" * 1000])
def test_a_damaged_count_is_one_error(content, test_rows, tmp_path):
    measure(Noise(), test_rows, tmp_path, num_samples=1500)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(content)
    with pytest.raises(errors.InputError, match=r"is damaged .*delete it"):
        measure(Noise(), test_rows, tmp_path)


def test_a_count_of_pickles_is_not_read(test_rows, tmp_path):
    measure(Noise(), test_rows, tmp_path, num_samples=1500)
    (file,) = tmp_path.glob("*.npz")
    with file.open("wb") as stream:
        np.savez(stream, distances=np.array([print], object), rows=np.array([1]))
    with pytest.raises(errors.InputError, match="is damaged"):
        measure(Noise(), test_rows, tmp_path)


def test_two_processes_do_not_count_the_same(test_rows, tmp_path):
    lock = tmp_path / f"nearest_neighbour-{IDENTITY.digest}.lock"
    with lock.open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(errors.InputError, match="another process"):
            measure(Noise(), test_rows, tmp_path)


def test_the_training_images_row_is_scikit_learn_s(test_rows):
    samples = Noise()
    train = Rows(samples.block(0, 1500), samples.labels(np.arange(1500)))
    found = nearest_neighbour.find_real_error(train, test_rows, num_rows=1200)
    model = KNeighborsClassifier(1, algorithm="brute")
    images, labels = train.rows(np.arange(1200))
    model.fit(images.reshape(1200, -1).astype(float), labels)
    queries = test_rows.rows(np.arange(230)).images.reshape(230, -1).astype(float)
    wrong = model.predict(queries) != test_rows.labels()
    assert found == pytest.approx(100 * wrong.mean(), abs=0.5)  # ties


def test_rows_beyond_the_training_part_are_not_searched(test_rows):
    images = test_rows.rows(np.arange(230)).images
    store = Rows(np.concatenate([255 - images, images]), np.arange(460))
    found = nearest_neighbour.find_in_store(images, store, num_rows=230)
    assert np.asarray(found.rows).max() < 230
    neighbours = store.rows(np.asarray(found.rows)).images
    np.testing.assert_array_equal(neighbours, (255 - images)[np.asarray(found.rows)])
