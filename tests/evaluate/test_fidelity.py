"""Distances to real images: against closed forms, and that they see what eyes see."""

import re
from urllib.error import URLError

import numpy as np
import pytest
import scipy.linalg
from scipy.ndimage import gaussian_filter
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from dcgan_jax.config import data_config
from dcgan_jax.data import store as stores
from dcgan_jax.data.batches import Batch
from dcgan_jax.evaluate import extractors
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.extractors import Extractor, Images
from dcgan_jax.system import errors


def as_images(pixels, name="images"):
    return Images(
        lambda first, count: pixels[first : first + count],
        len(pixels),
        pixels.shape[1:],
        name,
    )


def take_corners(images):
    """Four pixels as features: what the closed forms are computed from."""
    return images[:, :2, :2, 0].reshape(len(images), 4).astype(np.float32) / 64


CORNERS = Extractor("corners", "four pixels", "c0ffee", "none", 4, take_corners, None)


@pytest.fixture(scope="module")
def clouds():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(16, 16)) * 8
    first = rng.normal(size=(300, 16)) @ mixing + 128
    second = rng.normal(size=(260, 16)) * 20 + 110
    return [
        np.clip(np.rint(cloud), 0, 255).astype(np.uint8).reshape(-1, 4, 4, 1)
        for cloud in (first, second)
    ]


@pytest.fixture
def compute(fidelity, tmp_path):
    def run(samples, reference, extractor=CORNERS, *, metrics=("fid",), name="real"):
        return fidelity.compute(
            as_images(samples),
            as_images(reference),
            extractor,
            metrics=metrics,
            seed=0,
            cache=(tmp_path, name),
        )

    return run


def test_the_frechet_distance_is_that_of_two_gaussians(clouds, compute):
    ours, real = (take_corners(cloud).astype(np.float64) for cloud in clouds)
    means = ours.mean(0) - real.mean(0)
    covariances = np.cov(ours.T), np.cov(real.T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = means @ means + np.trace(covariances[0] + covariances[1] - 2 * root)
    found = compute(*clouds)
    assert list(found) == ["frechet_distance[corners]"]
    assert found["frechet_distance[corners]"] == pytest.approx(expected, rel=1e-5)


def test_the_kernel_distance_is_the_unbiased_mmd_of_a_cubic_kernel(clouds, compute):
    clouds = [cloud[:200] for cloud in clouds]
    ours, real = (take_corners(cloud).astype(np.float64) for cloud in clouds)

    def mean_off_diagonal(rows):
        kernel = polynomial_kernel(rows, degree=3)  # gamma 1/d, coef0 1
        return (kernel.sum() - np.trace(kernel)) / (len(rows) * (len(rows) - 1))

    across = polynomial_kernel(ours, real, degree=3).mean()
    expected = mean_off_diagonal(ours) + mean_off_diagonal(real) - 2 * across
    found = compute(*clouds, metrics=("kid",))
    assert found["kernel_distance[corners]"] == pytest.approx(expected, rel=1e-4)


def share_within(rows, others):
    """Count rows that lie in a ball of others, each of the third neighbour's radius."""
    reach = NearestNeighbors(n_neighbors=4).fit(others).kneighbors(others)[0][:, -1]
    distances = np.linalg.norm(rows[:, None] - others[None], axis=-1)
    return float((distances <= reach).any(axis=1).mean())


def test_precision_is_of_samples_and_recall_of_real_images(clouds, compute):
    found = compute(*clouds, metrics=("prc",))
    ours, real = map(take_corners, clouds)
    assert found["precision[corners]"] == pytest.approx(share_within(ours, real), 0.01)
    assert found["recall[corners]"] == pytest.approx(share_within(real, ours), 0.01)
    assert found["precision[corners]"] != found["recall[corners]"]


def test_no_number_of_another_extractor_bears_a_name_of_inception_s(clouds, compute):
    found = compute(*clouds, metrics=("fid", "kid", "prc"))
    for name in found:
        assert name.endswith("[corners]")
        assert not re.search(r"fid|kid|inception", name)


def test_the_reference_is_read_once_for_many_generators(clouds, compute):
    samples, reference = clouds
    expected = compute(samples, reference)
    assert compute(samples, np.zeros_like(reference)) == expected
    assert compute(samples, np.zeros_like(reference), name="black") != expected


@pytest.fixture(scope="module")
def digits(data_dir, tiny_run):
    store = stores.open_store(stores.store_path(data_config(tiny_run)))
    return store.rows(np.arange(len(store))), str(tiny_run.workdir), None


@pytest.fixture(scope="module")
def mnist(shared):
    with np.load(shared / "data" / "mnist.npz") as file:
        images, labels = file["x_test"][:2000], file["y_test"][:2000]
    batch = Batch(images, labels)
    return batch, "authors_svhn", shared / "authors_weights"


# What MNIST takes is a minute.
@pytest.fixture(
    scope="module", params=["digits", pytest.param("mnist", marks=pytest.mark.slow)]
)
def world(request, fidelity, tmp_path_factory):
    """Two halves of real images, labels of the first, and the distance to the other."""
    batch, which, weights_dir = request.getfixturevalue(request.param)
    half = len(batch.images) // 2
    ours, real = batch.images[:half], batch.images[half:]
    config = EvaluateConfig("", "fid,kid,prc", extractor=which, weights_dir=weights_dir)
    extractor = extractors.make(config, as_images(real))
    folder = tmp_path_factory.mktemp("cache")

    def distance(images):
        found = fidelity.compute(
            as_images(images),
            as_images(real),
            extractor,
            metrics=("fid", "kid", "prc"),
            seed=0,
            cache=(folder, "real"),
        )
        return {name.partition("[")[0]: value for name, value in found.items()}

    return ours, batch.labels[:half], distance


@pytest.fixture(scope="module")
def from_half(world):
    ours, _, distance = world
    return distance(ours)


def add_noise(images, strength):
    noise = np.random.default_rng(1).normal(0, strength, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


def blur(images, strength):
    return gaussian_filter(images, (0, strength, strength, 0))


@pytest.mark.parametrize(
    ("change", "strengths"), [(add_noise, (8, 24, 72)), (blur, (0.6, 1.2, 2.4))]
)
def test_distances_are_near_zero_for_real_images_and_grow_as_they_get_worse(
    change, strengths, world, from_half
):
    ours, _, distance = world
    worse = [distance(change(ours, strength)) for strength in strengths]
    for name in ("frechet_distance", "kernel_distance"):
        values = [from_half[name], *(found[name] for found in worse)]
        assert values == sorted(values), (name, values)
        assert abs(values[0]) < 0.05 * values[-1], (name, values)


def keep_classes(world, count):
    ours, labels, _ = world
    kept = ours[labels < count]
    return kept[np.arange(len(ours)) % len(kept)]


def test_distances_grow_with_every_class_that_is_missing(world, from_half):
    _, _, distance = world
    for name in ("frechet_distance", "kernel_distance"):
        values = [from_half[name]]
        values += [distance(keep_classes(world, count))[name] for count in (7, 4, 1)]
        assert values == sorted(values), (name, values)
        # Of a thousand images and 448 features the Fréchet distance has a bias.
        assert abs(values[0]) < 0.1 * values[-1], (name, values)


def test_missing_classes_cost_recall_and_noise_costs_precision(world, from_half):
    ours, _, distance = world
    dropped = distance(keep_classes(world, 3))
    assert dropped["recall"] < 0.6 * from_half["recall"]
    assert dropped["precision"] > 0.8 * from_half["precision"]
    # A half of garbage beside a half of real images.
    mixed = np.concatenate([ours[::2], add_noise(ours[1::2], 120)])
    spoiled = distance(mixed)
    assert spoiled["precision"] < 0.7 * from_half["precision"]
    assert spoiled["recall"] > 0.7 * from_half["recall"]


def test_without_a_network_inception_is_one_line(
    clouds, compute, monkeypatch, tmp_path
):
    import torch

    def refuse(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    inception = CORNERS._replace(label="inception", encode=None)
    with pytest.raises(errors.InputError, match="no route to host") as caught:
        compute(*clouds, inception)
    assert "https://github.com/toshas/torch-fidelity" in str(caught.value)
    assert "--inception_weights=PATH" in str(caught.value)


@pytest.mark.slow  # a hundred megabytes of random weights
def test_inception_s_numbers_have_their_own_names(
    clouds, compute, monkeypatch, tmp_path
):
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as inception

    path = tmp_path / extractors.INCEPTION_FILE
    module = inception.FeatureExtractorInceptionV3
    with monkeypatch.context() as patched:
        patched.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})
        patched.setattr(module, "load_state_dict", lambda self, state: None)
        torch.manual_seed(0)
        torch.save(module("inception-v3-compat", ["2048"]).state_dict(), path)
    monkeypatch.setattr(extractors, "INCEPTION_SHA256", "")
    extractor = CORNERS._replace(label="inception", encode=None, weights_file=path)
    metrics = ("fid", "kid", "is", "prc")
    images = clouds[0][:12].repeat(8, 1).repeat(8, 2)
    found = compute(images, images, extractor, metrics=metrics)
    assert found["fid"] == pytest.approx(0.0, abs=1e-3)
    assert found["inception_score"] >= 1
    assert found["precision[inception]"] == found["recall[inception]"] == 1
    assert {"kid", "kid_std"} < found.keys()


def test_images_are_brought_to_the_size_and_colours_of_the_network():
    images = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 1), np.uint8)
    config = EvaluateConfig("", "fid", extractor="random:svhn")
    extractor = extractors.make(config, as_images(images))
    assert extractor.encode(images).shape == (9, extractor.num_features)
    assert extractor.resize == "bicubic to 32×32×3"
