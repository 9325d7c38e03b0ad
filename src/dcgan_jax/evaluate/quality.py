"""Fréchet and kernel distance, Inception score, precision and recall of a generator.

Every number comes with all that it depends on. Without the number of samples, the
reference images, the resizing and the extractor, a FID says nothing.
"""

import importlib.util
import logging
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import (
    candidate as candidates,
    config as configs,
    extractors,
    torch_operators,
)
from dcgan_jax.evaluate.candidate import Candidate, Measured
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.extractors import Extractor, Images
from dcgan_jax.evaluate.metrics import find_num_samples
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import errors, memory, result_file

_LOG = logging.getLogger(__name__)

# The Inception score takes ten parts, and precision needs more than three neighbours.
LEAST_IMAGES = 10
_INSTALL = "pip install 'dcgan-jax[eval]'"
_PUBLISHED = (
    "Heusel et al. 2017, DCGAN trained 1:1, 50,000 samples: FID CelebA-64 21.4,"
    " CIFAR-10 37.7, LSUN bedrooms 70.4"
)
_OTHER_PRC = (
    "precision and recall are on Inception's features, as in Dhariwal & Nichol 2021;"
    " those of Kynkäänniemi et al. 2019 are on VGG-16's"
)
_NOT_FID = (
    "these are on features of a discriminator: compare them with each other alone,"
    " never with published FID or KID"
)


class Yardstick(NamedTuple):
    """The metrics and the images that generators are measured by.

    Attributes:
        metrics: some of fid, kid, is, prc.
        extractor: what makes the features.
        reference: real images.
        num_samples: the number of images to generate.
        seed: the seed of the samples and the subsets.
        cache: a folder for the reference's features, and a name for the reference.
        settings: all that the numbers depend on besides the generator, as JSON values.
    """

    metrics: tuple[str, ...]
    extractor: Extractor
    reference: Images
    num_samples: int
    seed: int
    cache: tuple[Path, str]
    settings: dict[str, Any]


def check(config: EvaluateConfig, trained: TrainConfig) -> None:
    """Raise an error if nothing can be measured, before data are prepared or read.

    Raises:
        InputError: if torch-fidelity is not installed or the extractor cannot be had.
    """
    extractors.check(config)
    if importlib.util.find_spec("torch_fidelity") is None:
        raise errors.InputError(
            f"--metric={config.metric} needs torch-fidelity, which is not installed:"
            f" {_INSTALL}."
        )
    own = {Path(config.run), trained.workdir or Path(config.run)}
    if Path(config.extractor).absolute() in {path.absolute() for path in own}:
        _LOG.warning(
            "%s is measured by the discriminator that it has learned to fool: such"
            " numbers say little beside those of other generators",
            config.run,
        )


def make_yardstick(
    config: EvaluateConfig, trained: TrainConfig, train: Store, num_rows: int
) -> Yardstick:
    """Make the yardstick of a run's generators.

    Args:
        config: the flags.
        trained: the run's settings.
        train: the images, of which it was trained on the first `num_rows`.
        num_rows: the number of training images.

    Raises:
        InputError: if there are too few reference images.
    """
    fidelity = _import_fidelity()
    reference, about = _open_reference(config, trained, train, num_rows)
    extractor = extractors.make(config, reference)
    metrics = configs.find_quality_metrics(config)
    count = find_num_samples(config)
    size = 4 * extractor.num_features * (count + reference.num_images)
    memory.require_memory(size, what=f"the features of {count:,} samples")
    fewer = min(count, reference.num_images)
    _warn_of_few(fewer, extractor)
    settings = {
        "metrics": list(metrics),
        "num_samples": count,
        "seed": config.seed,
        **about,
        "resize": extractor.resize,
        "extractor": extractor.description,
        "extractor_digest": extractor.digest,
        "parameters": fidelity.list_parameters(metrics, fewer),
        "versions": fidelity.VERSIONS,
    }
    folder = (config.data_dir or trained.data_dir) / "fidelity"
    name = f"{about['reference_fingerprint'][:16]}-{reference.num_images}"
    return Yardstick(
        metrics, extractor, reference, count, config.seed, (folder, name), settings
    )


def measure_generator(
    yardstick: Yardstick, loaded: LoadedGenerator
) -> dict[str, float]:
    """Return a generator's numbers by name; see `fidelity.compute`."""
    fidelity = _import_fidelity()
    drawn = SampleStream(loaded, yardstick.seed)
    samples = Images(
        lambda first, count: np.asarray(drawn.block(first, count)),
        yardstick.num_samples,
        yardstick.reference.shape,
        "samples",
    )
    numbers: dict[str, float] = fidelity.compute(
        samples,
        yardstick.reference,
        yardstick.extractor,
        metrics=yardstick.metrics,
        seed=yardstick.seed,
        cache=yardstick.cache,
    )
    return numbers


def run(config: EvaluateConfig, candidate: Candidate) -> Measured:
    """Measure one generator as the flags describe."""
    loaded, train, num_rows = candidate
    yardstick = make_yardstick(config, loaded.config, train, num_rows)
    numbers = measure_generator(yardstick, loaded)
    protocol = describe_quality(yardstick)
    lines = [f"{name:32} {value:10.4f}" for name, value in numbers.items()]
    lines += [f"step {loaded.step}, commit {result_file.find_commit()}", protocol]
    lines += list_remarks(yardstick)
    about = {"settings": yardstick.settings, "step": loaded.step}
    return Measured(protocol, {**numbers, **about}, "\n".join(lines))


def describe_quality(yardstick: Yardstick) -> str:
    """Return the protocol in one line."""
    settings = yardstick.settings
    height, width, channels = yardstick.reference.shape
    parts = [f"{yardstick.num_samples:,} samples (seed {yardstick.seed})"]
    if yardstick.metrics != ("is",):
        number, part = yardstick.reference.num_images, settings["reference"]
        parts[0] += f" against {number:,} images of {part}"
    parts += [f"{height}×{width}×{channels}, resize: {settings['resize']}"]
    parts += [settings["extractor"]]
    return "; ".join([*parts, *settings["parameters"], settings["versions"]])


def list_remarks(yardstick: Yardstick) -> list[str]:
    """Return lines on what the numbers may and may not be compared with."""
    if yardstick.extractor.encode is not None:
        return [_NOT_FID]
    remarks = {"fid": _PUBLISHED, "prc": _OTHER_PRC}
    return [remarks[name] for name in yardstick.metrics if name in remarks]


def _open_reference(
    config: EvaluateConfig, trained: TrainConfig, train: Store, num_rows: int
) -> tuple[Images, dict[str, Any]]:
    """Return the reference images, and what the protocol says of them."""
    store, available, part = train, num_rows, f"{trained.split} (trained on)"
    if config.reference_split is not None:
        part = config.reference_split
        store = candidates.open_split(config, trained, part)
        available = len(store)
    count = config.num_reference or available
    if not LEAST_IMAGES <= count <= available:
        raise errors.InputError(
            f"--num_reference={count}, but {part} has {available:,} images; expected"
            f" {LEAST_IMAGES} to {available:,}."
        )
    about = {
        "reference": part,
        "num_reference": count,
        "reference_fingerprint": store.fingerprint,
        "image_shape": list(store.image_shape),
    }

    def read(first: int, size: int) -> np.ndarray:
        return store.rows(np.arange(first, first + size)).images

    return Images(read, count, store.image_shape, "reference images"), about


def _warn_of_few(count: int, extractor: Extractor) -> None:
    if count <= extractor.num_features:
        _LOG.warning(
            "there are %d images for %d features: their covariance is singular, and a"
            " Fréchet distance far too large; compare only at equal numbers",
            count,
            extractor.num_features,
        )


def _import_fidelity() -> ModuleType:
    try:
        torch_operators.declare()
        from dcgan_jax.evaluate import fidelity
    except (ImportError, RuntimeError) as error:
        # Beside a torch of another build, torchvision raises a RuntimeError.
        raise errors.InputError(
            f"torch-fidelity cannot be imported ({errors.first_line(error)}); it needs"
            f" torch and torchvision of one build: {_INSTALL} in a new environment."
        ) from None
    return fidelity
