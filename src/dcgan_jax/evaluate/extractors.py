"""The extractors of the features of fid, kid, is, prc: Inception, or a discriminator.

A discriminator is there without a download, and may know faces or digits better than
Inception does. Its distances are no FID and are never called so.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from dcgan_jax import models
from dcgan_jax.data import transforms
from dcgan_jax.evaluate.config import INCEPTION, EvaluateConfig
from dcgan_jax.features import extract
from dcgan_jax.runs import load as loading
from dcgan_jax.runs.load import LoadedDiscriminator
from dcgan_jax.system import disk, errors

Encode = Callable[[np.ndarray], np.ndarray]

INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
# The first digits of its sha256; torch's downloads carry them in their names.
INCEPTION_SHA256 = "6726825d"
_INCEPTION_FEATURES = 2048
# The number of reference images over which missing batch statistics are taken.
_STATISTICS_IMAGES = 4096
_DESCRIPTION = (
    "mean over a 4×4 grid of each feature map's maxima, all convolutions of"
    " discriminator {name}"
)


class Images(NamedTuple):
    """Images that are read a block at a time.

    Attributes:
        read: (first, count) → uint8 (count, height, width, channels).
        num_images: the number of images.
        shape: height, width, channels.
        name: what progress calls them.
    """

    read: Callable[[int, int], np.ndarray]
    num_images: int
    shape: tuple[int, int, int]
    name: str


class Extractor(NamedTuple):
    """A function that maps images to features, and what is said of it.

    Attributes:
        label: what it is called in the names of numbers.
        description: what the protocol says of it.
        digest: a digest of all that the features depend on besides the images.
        resize: how images are brought to the network's size.
        num_features: the length of a vector.
        encode: uint8 (n, H, W, C) → float32 (n, num_features); None for Inception,
            which torch-fidelity computes.
        weights_file: Inception's file; None: not asked for, or to be downloaded.
    """

    label: str
    description: str
    digest: str
    resize: str
    num_features: int
    encode: Encode | None
    weights_file: Path | None


def check(config: EvaluateConfig) -> None:
    """Raise an error if the extractor cannot be had, before anything is loaded.

    Raises:
        MissingInputError: if there is no such file, run or preset.
        InputError: if it is another file, or no discriminator of a DCGAN.
    """
    if config.extractor != INCEPTION:
        models.make_discriminator(loading.find_config(config.extractor))
    elif config.inception_weights is not None:
        check_inception(config.inception_weights)


def check_inception(path: Path) -> None:
    """Raise an error unless a file holds the weights that every published FID rests on.

    Other weights would give other numbers. Besides, the file is a pickle, which may run
    any code when it is read.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if its sha256 is not the expected one.
    """
    if not path.is_file():
        raise errors.MissingInputError(
            f"there is no file {path}; expected {INCEPTION_FILE} for"
            " --inception_weights."
        )
    found = disk.hash_file(path)
    if not found.startswith(INCEPTION_SHA256):
        raise errors.InputError(
            f"{path} is not {INCEPTION_FILE}: its sha256 is {found}, expected"
            f" {INCEPTION_SHA256}…; download it again."
        )


def make(config: EvaluateConfig, reference: Images) -> Extractor:
    """Make the extractor that is asked for.

    Args:
        config: the flags, which `check` has passed.
        reference: real images; a network without batch statistics takes them from the
            first of these.
    """
    if config.extractor == INCEPTION:
        return Extractor(
            INCEPTION,
            f"Inception v3 ({INCEPTION_FILE})",
            INCEPTION_SHA256,
            "bilinear to 299×299 as in TensorFlow 1",
            _INCEPTION_FEATURES,
            None,
            config.inception_weights,
        )
    loaded = loading.load_discriminator(
        config.extractor, weights_dir=config.weights_dir
    )
    return _wrap(config.extractor, loaded, reference)


def _wrap(which: str, loaded: LoadedDiscriminator, reference: Images) -> Extractor:
    side, channels = loaded.config.image_size, loaded.config.channels
    target = transforms.Transform(side, channels, upscale=True)
    stats, digest = loaded.batch_stats, loaded.digest
    if stats is None:
        stats = extract.estimate_statistics(
            loaded,
            lambda first, count: fit(reference.read(first, count), target),
            num_images=min(reference.num_images, _STATISTICS_IMAGES),
        )
        digest += _digest(stats)
    encode = extract.make_encoder(loaded, stats)
    widths = [layer.features for layer in extract.find_network(loaded).convolutions]

    def features(images: np.ndarray) -> np.ndarray:
        return extract.average_cells(encode(fit(images, target)), widths)

    is_folder = Path(which).is_dir()
    label = Path(which).resolve().name if is_folder else which
    resize = "none" if reference.shape == (side, side, channels) else (
        f"{'bicubic' if reference.shape[0] < side else 'Lanczos'} to"
        f" {side}×{side}×{channels}"
    )  # fmt: skip
    return Extractor(
        label,
        _DESCRIPTION.format(name=loaded.name.replace(which, label)),
        hashlib.sha256(digest.encode()).hexdigest(),
        resize,
        sum(widths),
        features,
        None,
    )


def fit(images: np.ndarray, target: transforms.Transform) -> np.ndarray:
    """Bring uint8 (n, H, W, C) to a network's size and channels, as `prepare` does."""
    side = target.image_size
    if images.shape[1:] == (side, side, target.channels):
        return images
    return np.stack([transforms.apply(image, target) for image in images])


def _digest(tree: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()
