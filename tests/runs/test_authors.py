import functools
import hashlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dcgan_jax import models
from dcgan_jax.models import batch_statistics
from dcgan_jax.runs import authors
from dcgan_jax.runs.authors import SVHN
from dcgan_jax.system import errors


@pytest.fixture(scope="module")
def released(shared):
    """The folder of the authors' files, their arrays, and our parameters of them."""
    folder = shared / "authors_weights" / SVHN.folder
    if not folder.is_dir():
        pytest.skip(f"needs the authors' files in {folder}")

    def read(stem, count):
        paths = [folder / f"{stem}_{number:02d}.npy" for number in range(1, count + 1)]
        return [np.load(path, allow_pickle=False).astype(np.float64) for path in paths]

    return {
        "folder": folder,
        "gen_arrays": read(SVHN.gen_stem, 10),
        "disc_arrays": read(SVHN.disc_stem, 8),
        "gen": authors.read_generator(SVHN, folder),
        "disc": authors.read_discriminator(SVHN, folder),
    }


@pytest.fixture(scope="module")
def networks():
    config = authors.release_config(SVHN)
    return models.make_generator(config), models.make_discriminator(config)


def in_training(network, params, inputs):
    """Apply a network normalised by the batch, as the authors do."""

    @jax.jit
    def run(params, inputs):
        shapes = jax.eval_shape(
            lambda: network.init(jax.random.key(0), inputs, train=True)
        )
        stats = jax.tree.map(
            lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes["batch_stats"]
        )
        variables = {"params": params, "batch_stats": stats}
        outputs, _ = network.apply(
            variables, inputs, train=True, mutable=["batch_stats"]
        )
        return outputs

    return run(params, inputs)


# The authors' networks by hand, in float64 and Theano's (batch, channels, rows, cols).


def normalise(x, gain, offset):
    """lib/ops.py, batchnorm: over the batch, and over positions where there are any."""
    axes = (0,) if x.ndim == 2 else (0, 2, 3)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    x = (x - mean) / np.sqrt(var + 1e-8)
    return x * gain.reshape(shape) + offset.reshape(shape)


def convolve(x, w, stride=2, border=2):
    """dnn_conv: a true convolution, which turns the kernel w (out, in, 5, 5) around."""
    side = w.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (border, border), (border, border)))
    small = (padded.shape[2] - side) // stride + 1
    result = np.zeros((len(x), len(w), small, small))
    for i, j in np.ndindex(side, side):
        taken = padded[
            :, :, i : i + stride * small : stride, j : j + stride * small : stride
        ]
        result += np.einsum("bchw,oc->bohw", taken, w[:, :, side - 1 - i, side - 1 - j])
    return result


def deconvolve(y, w, stride=2, border=2):
    """lib/ops.py, deconv: the gradient of `convolve` in its image; w (in, out, …)."""
    side, size = w.shape[2], y.shape[2] * stride
    result = np.zeros((len(y), w.shape[1], size + side, size + side))
    for i, j in np.ndindex(side, side):
        share = np.einsum("bohw,oc->bchw", y, w[:, :, side - 1 - i, side - 1 - j])
        result[:, :, i : i + size : stride, j : j + size : stride] += share
    return result[:, :, border : border + size, border : border + size]


def generate_by_hand(arrays, latents):
    dense, gain, offset, w2, g2, b2, w3, g3, b3, wx = arrays
    x = np.maximum(normalise(latents @ dense, gain, offset), 0)
    x = x.reshape(len(x), -1, 4, 4)
    x = np.maximum(normalise(deconvolve(x, w2), g2, b2), 0)
    x = np.maximum(normalise(deconvolve(x, w3), g3, b3), 0)
    return np.tanh(deconvolve(x, wx))


def judge_by_hand(arrays, images):
    w, w2, g2, b2, w3, g3, b3, wy = arrays
    leak = lambda x: np.maximum(x, 0.2 * x)  # noqa: E731
    x = leak(convolve(images, w))
    x = leak(normalise(convolve(x, w2), g2, b2))
    x = leak(normalise(convolve(x, w3), g3, b3))
    return (x.reshape(len(x), -1) @ wy)[:, 0]


@pytest.fixture(scope="module")
def few_latents():
    return np.random.default_rng(0).normal(size=(4, 100)).astype(np.float32)


def test_our_generator_computes_what_the_authors_does(released, networks, few_latents):
    ours = np.asarray(in_training(networks[0], released["gen"], few_latents))
    theirs = generate_by_hand(released["gen_arrays"], few_latents.astype(np.float64))
    np.testing.assert_allclose(ours.transpose(0, 3, 1, 2), theirs, atol=1e-3)


def test_our_discriminator_computes_what_the_authors_does(released, networks):
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    ours, _ = in_training(networks[1], released["disc"], images)
    theirs = judge_by_hand(
        released["disc_arrays"], images.transpose(0, 3, 1, 2).astype(np.float64)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


NUM = 128


@pytest.fixture(scope="module")
def drawn(released, networks):
    """128 images of the right generator, of one with unflipped kernels, and noise."""
    latents = np.random.default_rng(1).normal(size=(NUM, 100)).astype(np.float32)
    unflipped = {
        name: {"kernel": layer["kernel"][::-1, ::-1]}
        if name.startswith("conv")
        else layer
        for name, layer in released["gen"].items()
    }
    return {
        "right": in_training(networks[0], released["gen"], latents),
        "unflipped": in_training(networks[0], unflipped, latents),
        "noise": np.random.default_rng(2).uniform(-1, 1, (NUM, 32, 32, 3)).astype("f4"),
    }


@pytest.fixture(scope="module")
def scores(released, networks, drawn):
    """The logit that the authors' discriminator gives to each image, by its batch."""
    return {
        name: np.asarray(in_training(networks[1], released["disc"], images)[0])
        for name, images in drawn.items()
    }


@pytest.mark.parametrize("other", ["unflipped", "noise"])
def test_the_authors_discriminator_takes_its_generator_s_images_for_more_real(
    other, scores
):
    # The share of pairs in which the image of the right generator scores higher. With
    # kernels left as Theano has them it draws stripes.
    wins = scores["right"][:, None] > scores[other][None]
    assert wins.mean() > 0.9


def roughness(images):
    """Mean square difference of neighbours over the variance; 2 for noise."""
    x = np.asarray(images, np.float64)
    steps = [np.square(np.diff(x, axis=axis)).mean() for axis in (1, 2)]
    return np.mean(steps) / x.var()


def test_house_numbers_are_smooth(drawn):
    assert roughness(drawn["right"]) < 0.1
    assert roughness(drawn["noise"]) > 1.9


def test_house_numbers_have_little_colour_and_much_light(drawn):
    # Photographs of house numbers: their three channels nearly agree.
    images = np.asarray(drawn["right"], np.float64)
    within = images.std(axis=-1).mean()
    assert within < 0.3 * images.std()


def test_house_numbers_differ_from_each_other(drawn):
    assert np.asarray(drawn["right"]).std(axis=0).mean() > 0.2


def test_statistics_over_many_batches_are_near_to_each_batch_s(released, networks):
    latents = np.random.default_rng(4).normal(size=(4, 64, 100)).astype(np.float32)
    stats = batch_statistics.estimate(networks[0], released["gen"], latents)
    variables = {"params": released["gen"], "batch_stats": stats}
    apply = jax.jit(functools.partial(networks[0].apply, train=False))
    stored = apply(variables, latents[0])
    own = in_training(networks[0], released["gen"], latents[0])
    assert np.abs(stored - own).mean() < 0.1


@pytest.fixture
def copied(released, tmp_path):
    return shutil.copytree(released["folder"], tmp_path / SVHN.folder)


def test_the_folder_above_is_as_good(copied):
    authors.read_generator(SVHN, copied.parent)


def test_a_damaged_file_is_refused_by_its_blob_id(copied):
    path = copied / "200_gen_params.jl_04.npy"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        errors.InputError, match=r"200_gen_params\.jl_04\.npy"
    ) as caught:
        authors.read_generator(SVHN, copied)
    assert SVHN.gen_blobs[3] in str(caught.value)


def test_missing_files_are_named(copied):
    for number in (2, 7):
        (copied / f"200_discrim_params.jl_{number:02d}.npy").unlink()
    with pytest.raises(errors.MissingInputError) as caught:
        authors.read_discriminator(SVHN, copied)
    assert "jl_02.npy, 200_discrim_params.jl_07.npy" in str(caught.value)


def test_files_that_need_unpickling_are_never_read(copied, monkeypatch):
    # Even one whose blob id were the authors': loading it must not run its code.
    path = copied / "200_gen_params.jl_01.npy"
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    content = path.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    forged = SVHN._replace(gen_blobs=(blob, *SVHN.gen_blobs[1:]))
    with pytest.raises(ValueError, match="Python objects"):
        authors.read_generator(forged, copied)


@pytest.mark.parametrize(
    "release", authors.RELEASES.values(), ids=list(authors.RELEASES)
)
def test_the_blob_ids_are_those_of_the_released_list(release, shared):
    listed = {}
    for line in (shared / "authors_weights" / "BLOBS.txt").read_text().splitlines():
        blob, _, path = line.partition(" ")
        listed[path] = blob
    for stem, blobs in (
        (release.gen_stem, release.gen_blobs),
        (release.disc_stem, release.disc_blobs),
    ):
        for number, blob in enumerate(blobs, start=1):
            path = f"models/{release.folder}/{stem}_{number:02d}.npy"
            assert listed[path] == blob
