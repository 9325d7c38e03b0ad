import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax.features import kmeans
from dcgan_jax.system import errors


def draw_images(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def draw_codebook(seed, k, patch_size, channels):
    rng = np.random.default_rng(seed)
    d = patch_size**2 * channels
    arrays = (rng.normal(size=shape) for shape in ((d,), (d, d), (k, d)))
    return kmeans.Codebook(*(np.float32(array) for array in arrays), patch_size)


def normalise(patch):
    """Return a patch as a vector of contrast 1, in float64."""
    values = patch.astype(np.float64).ravel()
    return (values - values.mean()) / np.sqrt(values.var(ddof=1) + 10.0)


def encode_by_loops(image, codebook):
    """Return the features of one image, patch by patch, in float64."""
    mean, whitening, centroids, size = codebook
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    pooled = np.zeros((2, 2, len(centroids)))
    for top in range(rows):
        for left in range(columns):
            patch = normalise(image[top : top + size, left : left + size])
            white = (patch - mean.astype(np.float64)) @ whitening.astype(np.float64)
            z = np.linalg.norm(white - centroids.astype(np.float64), axis=1)
            quadrant = int(top >= (rows + 1) // 2), int(left >= (columns + 1) // 2)
            pooled[quadrant] += np.maximum(0.0, z.mean() - z)
    return pooled.ravel()


@pytest.mark.parametrize(("height", "width"), [(6, 6), (7, 8), (9, 5), (3, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_encoded_as_patch_by_patch(height, width, channels):
    images = draw_images(0, 3, height, width, channels)
    codebook = draw_codebook(1, 5, 3, channels)
    found = kmeans.make_centroid_encoder(codebook)(images)
    assert found.shape == (3, 20)
    assert found.dtype == np.float32
    expected = np.stack([encode_by_loops(image, codebook) for image in images])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_each_corner_of_an_image_has_its_own_quarter_of_the_features():
    codebook = draw_codebook(2, 4, 3, 1)
    encode = kmeans.make_centroid_encoder(codebook)
    plain = draw_images(3, 1, 8, 8, 1)
    changed = []
    for corner in ((0, 0), (0, 7), (7, 0), (7, 7)):
        image = plain.copy()
        image[0, *corner] ^= 128
        differs = np.asarray(encode(image) != encode(plain)).reshape(4, 4)
        changed.append(differs.any(1).tolist())
    assert changed == np.eye(4, dtype=bool).tolist()


def test_a_flat_image_has_finite_features():
    features = kmeans.make_centroid_encoder(draw_codebook(4, 5, 3, 3))(
        np.full((1, 6, 6, 3), 200, np.uint8)
    )
    assert jnp.isfinite(features).all()


def test_a_batch_of_64_images_at_4800_centroids_takes_little_memory():
    encode = kmeans.make_centroid_encoder(draw_codebook(5, 4800, 6, 3))
    images = jax.ShapeDtypeStruct((64, 32, 32, 3), np.uint8)
    program = encode.func.lower(*encode.args, images).compile()
    assert program.memory_analysis().temp_size_in_bytes < 200e6


def learn_from(images, k, **changes):
    """Learn from one patch an image, which is the image."""
    settings = {
        "num_patches": len(images), "patch_size": images.shape[1], "first": "normal",
        "seed": 0,
    }  # fmt: skip
    return kmeans.learn(images, num_centroids=k, **settings | changes)


def test_whitening_shrinks_each_principal_axis_by_its_own_variance():
    images = draw_images(6, 400, 3, 3, 1) // np.arange(1, 10, dtype=np.uint8).reshape(
        3, 3, 1
    )
    mean, whitening, _, _ = learn_from(images, 2)
    patches = np.stack([normalise(image) for image in images])
    variances, axes = np.linalg.eigh(np.cov(patches.T))
    assert variances.max() > 10 * 0.1  # that there is something to shrink
    found = np.cov(((patches - mean) @ whitening).T)
    expected = axes * (variances / (variances + 0.1)) @ axes.T
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(mean, patches.mean(0), atol=1e-6)
    np.testing.assert_array_equal(whitening, whitening.T)


@pytest.mark.parametrize("first", ["normal", "patches"])
def test_two_kinds_of_patches_have_a_centroid_each(first):
    kinds = draw_images(7, 2, 3, 3, 3)
    images = np.repeat(kinds, 20, axis=0)
    mean, whitening, centroids, _ = learn_from(images, 2, first=first, seed=2)
    expected = (np.stack([normalise(kind) for kind in kinds]) - mean) @ whitening
    if np.abs(centroids[0] - expected[0]).max() > np.abs(centroids[0]).max() / 2:
        expected = expected[::-1]
    np.testing.assert_allclose(centroids, expected, atol=1e-4)


@pytest.mark.parametrize("first", ["normal", "patches"])
def test_where_clustering_begins(first, monkeypatch):
    monkeypatch.setattr(kmeans.lloyd, "cluster", lambda points, begin: begin)
    images = draw_images(7, 500, 6, 6, 3)
    mean, whitening, begin, _ = learn_from(images, 300, first=first)
    if first == "normal":
        assert begin.std() == pytest.approx(0.1, rel=0.02)
        assert abs(begin.mean()) < 0.002
        return
    patches = (np.stack([normalise(image) for image in images]) - mean) @ whitening
    nearest = [np.abs(patches - centroid).max(1).argmin() for centroid in begin]
    assert len(set(nearest)) == 300
    np.testing.assert_allclose(begin, patches[nearest], atol=1e-4)


def test_patches_come_from_everywhere_in_every_image():
    """Each pixel names its place; one patch of 2 × 2 is drawn 300 times an image."""
    images = np.arange(60, dtype=np.uint8).reshape(3, 4, 5, 1)
    patches = kmeans._draw_patches(images, 900, patch_size=2, seed=0).reshape(-1, 2, 2)
    corners = patches[:, 0, 0]
    np.testing.assert_array_equal(
        patches - corners[:, None, None], np.full((900, 2, 2), [[0, 1], [5, 6]])
    )
    images_drawn, places = np.divmod(corners.astype(int), 20)
    assert np.bincount(images_drawn).tolist() == [300, 300, 300]
    rows, columns = np.divmod(places, 5)
    assert np.bincount(rows).min() > 250
    assert np.bincount(columns).min() > 180
    assert (len(np.bincount(rows)), len(np.bincount(columns))) == (3, 4)


def test_few_patches_come_from_all_over_the_images():
    images = np.broadcast_to(
        np.arange(100, dtype=np.uint8)[:, None, None, None], (100, 4, 4, 1)
    )
    patches = kmeans._draw_patches(images, 4, patch_size=2, seed=0)
    assert patches[:, 0].tolist() == [0, 25, 50, 75]


def test_a_seed_stands_for_one_codebook():
    images = draw_images(8, 30, 6, 6, 1)
    first, again, other = (
        learn_from(images, 4, num_patches=90, patch_size=3, seed=seed)
        for seed in (0, 0, 1)
    )
    for name in ("mean", "whitening", "centroids"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert (getattr(first, name) != getattr(other, name)).any()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_patches": 4}, "4 patches cannot make 5 centroids; draw at least 5"),
        ({"patch_size": 7}, "patch_size is 7, the images are 6×6; expected 1 to 6"),
        ({"patch_size": 0}, "patch_size is 0"),
        ({"patch_size": 1}, "one grey pixel have no contrast"),
    ],
)
def test_what_cannot_be_clustered_is_refused(changes, told):
    with pytest.raises(errors.InputError, match=told):
        learn_from(draw_images(9, 10, 6, 6, 1), 5, **changes)


def test_no_images_are_refused():
    with pytest.raises(errors.InputError, match="no images"):
        learn_from(draw_images(9, 0, 6, 6, 1), 5)


@pytest.mark.parametrize("block_bytes", [1, 7 * 8 * 3, 1 << 20])
def test_mean_and_deviation_are_those_of_all_rows(block_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(kmeans, "_BLOCK_BYTES", block_bytes)
    rng = np.random.default_rng(10)
    plain = np.float32(rng.normal([1e4, 0.0, -3.0], [1.0, 0.05, 40.0], (25, 3)))
    np.save(tmp_path / "features.npy", plain)
    features = np.load(tmp_path / "features.npy", mmap_mode="r")
    standard = kmeans.measure_standard(features)
    exact = plain.astype(np.float64)
    deviation = np.sqrt(exact.var(0, ddof=1) + 0.01)
    np.testing.assert_allclose(standard.mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(standard.deviation, deviation, rtol=1e-6)
    np.testing.assert_allclose(
        kmeans.standardise(plain[:5], standard),
        (exact[:5] - exact.mean(0)) / deviation,
        atol=2e-3,  # of 1e4 in float32
    )


def test_more_centroids_than_there_are_patches_are_refused():
    images = np.zeros((60, 8, 8, 3), np.uint8)
    with pytest.raises(errors.InputError, match="60 images of 8×8 have 540 patches"):
        kmeans._check(images, 100_000, num_patches=400_000, patch_size=6)
