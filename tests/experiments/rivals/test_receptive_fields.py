import numpy as np
import pytest

from dcgan_jax.features import kmeans
from experiments.rivals import receptive_fields as fields


def test_similarity_is_that_of_every_pair_whitened():
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, size=(500, 4)) @ rng.normal(size=(4, 4))
    found = fields.find_similarities(values)
    for j in range(4):
        for k in set(range(4)) - {j}:
            pair = values[:, [j, k]]
            pair = (pair - pair.mean(0)) / pair.std(0)
            variances, axes = np.linalg.eigh(np.cov(pair.T, ddof=0))
            z, w = (pair @ axes / np.sqrt(variances) @ axes.T).T
            scale = np.sqrt((z**4 - 1).mean() * (w**4 - 1).mean())
            assert found[j, k] == pytest.approx((z**2 * w**2 - 1).mean() / scale)


def test_a_group_holds_the_features_that_speak_together():
    rng = np.random.default_rng(0)
    loud = rng.exponential(size=(4000, 2))  # the energy that three features share
    values = rng.normal(size=(4000, 6)) * np.repeat(loud, 3, axis=1)
    sizes = fields.Sizes(6, 3, 1, 1)
    groups = fields.choose_groups(fields.find_similarities(values), sizes, rng)
    found = {tuple(sorted(group)) for group in groups.tolist()}
    assert found == {(0, 1, 2), (3, 4, 5)}


@pytest.fixture(scope="module")
def codebook():
    rng = np.random.default_rng(0)
    mean = np.float32(rng.normal(size=27))
    whitening = np.float32(np.eye(27) + 0.1 * rng.normal(size=(27, 27)))
    return kmeans.Codebook(mean, whitening, np.float32(rng.normal(size=(5, 27))), 3)


def test_the_first_layer_is_k_means_of_one_layer(codebook):
    images = np.random.default_rng(1).integers(0, 256, (2, 9, 9, 3), np.uint8)
    expected = kmeans.make_centroid_encoder(codebook)(images)
    found = fields.make_encoder(codebook, [], ())(images)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_later_layer_sees_two_by_two_places_of_its_features():
    rng = np.random.default_rng(0)
    maps = np.float32(rng.normal(size=(1, 3, 3, 4)))
    groups = np.array([[3, 1]])
    centroids = np.float32(rng.normal(size=(1, 2, 8)))
    layer = fields.Layer(groups, np.zeros((1, 8)), np.eye(8)[None], centroids)
    found = np.asarray(fields.encode_layer(layer, maps))
    window = maps[0, 1:3, 0:2][..., [3, 1]].ravel()
    distances = np.linalg.norm(centroids[0] - window, axis=1)
    expected = np.maximum(distances.mean() - distances, 0)
    assert found.shape == (1, 2, 2, 2)
    np.testing.assert_allclose(found[0, 1, 0], expected, atol=1e-5)


def test_the_script_learns_three_layers_from_a_few_digits(run_command, read_numbers):
    ended = run_command(
        fields.main, "--num_train=400", "--C_grid", "0.001", "--num_first=20",
        "--patch_size=3", "--num_patches=2000", "--num_groups=2", "--group_size=4",
        "--num_centroids=6", "--num_windows=800", "--pools", "1", "1",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    numbers = read_numbers("rival_receptive_fields_digits")
    assert numbers["feature_size"] == 4 * (20 + 12 + 12)
    assert numbers["all_labels"]["accuracy_mean"] > 0.85
