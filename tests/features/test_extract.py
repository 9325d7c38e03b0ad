import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models, presets
from dcgan_jax.data import store as stores
from dcgan_jax.features import extract
from dcgan_jax.runs import authors, load as loading


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (200, 32, 32, 3), dtype=np.uint8)


def load(which, **changes):
    settings = {"weights_dir": None, "step": None, "num_layers": None, "seed": 0}
    return loading.load_discriminator(which, **{**settings, **changes})


@pytest.mark.parametrize("size", [4, 7, 8, 14, 16, 32])
def test_pooling_takes_the_maximum_of_every_cell(size):
    maps = np.random.default_rng(size).normal(size=(2, size, size, 3))
    expected = np.empty((2, 4, 4, 3))
    for i, j in np.ndindex(4, 4):
        rows = slice(i * size // 4, int(np.ceil((i + 1) * size / 4)))
        columns = slice(j * size // 4, int(np.ceil((j + 1) * size / 4)))
        expected[:, i, j] = maps[:, rows, columns].max((1, 2))
    found = extract.pool(jnp.asarray(maps, jnp.float32))
    np.testing.assert_array_equal(found, expected.reshape(2, -1).astype(np.float32))


def test_averaging_the_cells_leaves_a_number_for_every_map():
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=(2, 4, 4, width)).astype(np.float32) for width in (3, 5)]
    # Of maps of 4×4 every cell is its own maximum.
    vectors = np.concatenate([extract.pool(jnp.asarray(maps)) for maps in layers], 1)
    expected = np.concatenate([maps.mean((1, 2)) for maps in layers], axis=1)
    found = extract.average_cells(vectors, [3, 5])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("preset", "expected"), [("imagenet32", 28_672), ("svhn", 7_168)]
)
def test_the_vectors_have_the_papers_lengths(preset, expected):
    config = presets.PRESETS[preset]
    network = models.make_discriminator(config)
    loaded = loading.LoadedDiscriminator(network, {}, None, config, preset)
    assert extract.count_features(loaded) == expected


def test_features_are_the_activations_layer_by_layer(images):
    loaded = load("random:svhn")
    stats = {
        f"bn{i}": {"mean": np.full(w, 0.1, "f"), "var": np.full(w, 2.0, "f")}
        for i, w in ((1, 128), (2, 256))
    }
    features = extract.make_encoder(loaded, stats)(images[:3])
    scaled = jnp.asarray(images[:3], jnp.float32) / 127.5 - 1.0
    _, activations = loaded.network.apply(
        {"params": loaded.params, "batch_stats": stats}, scaled, train=False
    )
    start = 0
    for maps in activations.values():
        size = 16 * maps.shape[3]
        part = features[:, start : start + size].reshape(3, 4, 4, -1)
        cell = maps.shape[1] // 4
        np.testing.assert_allclose(
            part[:, 1, 2],
            maps[:, cell : 2 * cell, 2 * cell : 3 * cell].max((1, 2)),
            rtol=1e-4,
            atol=1e-4,
        )
        start += size
    assert start == features.shape[1]


def test_an_images_features_do_not_depend_on_its_mates(images):
    loaded = load("random:svhn", num_layers=1)
    encode = extract.make_encoder(loaded, {})
    np.testing.assert_array_equal(encode(images)[150:], encode(images[150:]))


@pytest.fixture(scope="module")
def digits(data_dir):
    config = dataclasses.replace(presets.DIGITS, data_dir=data_dir)
    return stores.open_store(stores.store_path(config))


def test_statistics_are_means_over_whole_batches_of_all_images(digits):
    loaded = load("random:digits")
    stats = extract.estimate_statistics(
        loaded, extract.make_reader(digits), num_images=len(digits)
    )
    whole = len(digits) - len(digits) % 128
    scaled = digits.rows(np.arange(whole)).images.astype(np.float64) / 127.5 - 1.0
    batches = scaled.reshape(-1, 128, 32, 32, 1)
    means = []
    for batch in batches:
        first = loaded.network.clone(convolutions=loaded.network.convolutions[:2])
        params = {k: loaded.params[k] for k in ("conv0", "conv1", "bn1")}
        logit = {"dense": {"kernel": np.zeros((8 * 8 * 64, 1), np.float32)}}
        _, moved = first.clone(bn_momentum=0.0).apply(
            {
                "params": {**params, "logit": logit},
                "batch_stats": {
                    "bn1": {"mean": np.zeros(64, "f"), "var": np.zeros(64, "f")}
                },
            },
            jnp.asarray(batch, jnp.float32),
            train=True,
            mutable=["batch_stats"],
        )
        means.append(moved["batch_stats"]["bn1"]["mean"])
    np.testing.assert_allclose(
        stats["bn1"]["mean"], np.mean(means, axis=0), rtol=1e-4, atol=1e-5
    )


def test_the_authors_first_layers_suffice_without_the_later_files(shared):
    folder = shared / "authors_weights"
    if not (folder / authors.IMAGENET.folder).is_dir():
        pytest.skip(f"needs the authors' files in {folder}")
    loaded = load("authors_imagenet", weights_dir=folder, num_layers=4)
    assert extract.count_features(loaded) == 12_288
    assert "first 4 layers" in loaded.name
