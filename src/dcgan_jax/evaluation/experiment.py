"""From a run to a number: generator and data → metric → result."""

import dataclasses
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import errors, loading, preparing, result_file
from dcgan_jax.config import CONDITIONAL, DataConfig, data_config
from dcgan_jax.data import batches, store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.evaluation import memorisation, nearest_neighbour, parzen
from dcgan_jax.evaluation.config import EvaluateConfig, find_num_samples
from dcgan_jax.evaluation.nearest_neighbour import Identity
from dcgan_jax.evaluation.samples import Samples
from dcgan_jax.loading import LoadedGenerator

_LOG = logging.getLogger(__name__)


class Subject(NamedTuple):
    """What is evaluated, and on what.

    Attributes:
        loaded: the generator.
        train: the store that it was trained on …
        num_rows: … its first rows.
        test: images of the same kind that it has not seen.
    """

    loaded: LoadedGenerator
    train: Store
    num_rows: int
    test: Store


class Measured(NamedTuple):
    """A result: how, its numbers, and the lines that tell it."""

    protocol: str
    numbers: dict[str, Any]
    text: str


def prepare(config: EvaluateConfig) -> int:
    """Make sure that the stores of both splits are there; return an exit code."""
    for data in _data_configs(config):
        code = preparing.make_ready(data)
        if code != 0:
            return code
    return 0


def run(config: EvaluateConfig, *, command: str) -> str:
    """Evaluate a generator as the flags describe; write the result if asked to.

    Args:
        config: the flags; the stores are prepared.
        command: that gave them, for the result.

    Returns:
        The result as text.

    Raises:
        InputError: if run or data cannot be used.
    """
    measured = measure(config)
    if config.out is not None:
        result_file.save(
            config.out,
            what=f"{config.metric} of {config.run}",
            command=command,
            seed=config.seed,
            protocol=measured.protocol,
            numbers=measured.numbers,
        )
    return measured.text


def measure(config: EvaluateConfig) -> Measured:
    """Evaluate a generator whose data are prepared; see `run`."""
    loaded = loading.load_generator(config.run, weights_dir=None, step=config.step)
    train_config, test_config = _data_configs(config)
    train = stores.open_store(stores.store_path(train_config))
    subject = Subject(
        loaded,
        train,
        batches.count_training_rows(len(train), loaded.config.held_out),
        stores.open_store(stores.store_path(test_config)),
    )
    return {
        "nearest_neighbour": _measure_nearest_neighbour,
        "parzen": _measure_parzen,
        "memorisation": _measure_memorisation,
    }[config.metric](config, subject)


def _measure_nearest_neighbour(config: EvaluateConfig, subject: Subject) -> Measured:
    loaded, train, num_rows, test = subject
    if loaded.config.architecture not in CONDITIONAL:
        raise errors.InputError(
            f"{config.run} is not conditional: its samples have no labels to classify"
            " by. Train with --preset=mnist_conditional or mnist_mlp."
        )
    if not (train.labelled and test.labelled):
        raise errors.InputError(
            f"the {config.test_split} images have no labels, expected some to compare"
            " with; choose another --test_split or --source."
        )
    real = nearest_neighbour.measure_training(train, test, num_rows=num_rows)
    if train.class_names != test.class_names:
        raise errors.InputError(
            f"the classes trained on are {train.class_names}, those of"
            f" {config.test_split} {test.class_names}; expected the same."
        )
    identity = Identity(
        nearest_neighbour.hash_variables(loaded.variables),
        config.seed,
        test.fingerprint,
    )
    by_count = nearest_neighbour.measure(
        Samples(loaded, config.seed),
        test,
        num_samples=find_num_samples(config),
        identity=identity,
        folder=_folder(config),
    )
    lines = [
        f"{count:>12,} samples  {error:6.2f} % test error"
        for count, error in by_count.items()
    ]
    lines.append(f"{num_rows:>12,} real     {real:6.2f} %")
    lines.append(
        "Table 3 (paper): 2.98 % at 50K and 1.48 % at 10M samples, GAN 6.28 % and"
        " 5.65 %, real data 3.1 %"
    )
    numbers = {
        "error_percent": {str(count): error for count, error in by_count.items()},
        "real_error_percent": real,
        "num_real": num_rows,
        "step": loaded.step,
    }
    protocol = (
        f"Euclidean 1-nearest neighbour of {len(test):,} test images among generated"
        " images whose labels take turns, stored batch statistics; errors in %"
    )
    return Measured(protocol, numbers, "\n".join(lines))


def _measure_parzen(config: EvaluateConfig, subject: Subject) -> Measured:
    loaded, train, num_rows, test = subject
    count = find_num_samples(config)
    samples = Samples(loaded, config.seed).images(count)
    held_out = np.arange(num_rows, len(train))[: parzen.NUM_VALIDATION]
    if len(held_out) == 0:
        _LOG.warning(
            "the run held no images out: sigma is chosen on images that it has seen"
        )
        held_out = np.arange(min(parzen.NUM_VALIDATION, num_rows))
    sigmas = config.sigmas or parzen.SIGMAS
    outcome = parzen.measure(
        _as_unit(samples),
        _as_unit(train.rows(held_out).images),
        _as_unit(test.rows(np.arange(len(test))).images),
        sigmas=sigmas,
    )
    if outcome.at_edge:
        _LOG.warning(
            "sigma %.4g is at the edge of the grid %.4g … %.4g: widen --sigmas",
            outcome.sigma,
            min(sigmas),
            max(sigmas),
        )
    protocol = (
        f"Gaussian windows around {count:,} samples, pixels in [0, 1]; sigma of"
        f" {len(sigmas)} by the likelihood of {len(held_out):,} validation images; mean"
        f" over {len(test):,} test images in nats and its standard error"
    )
    numbers = {
        "log_likelihood": outcome.log_likelihood,
        "standard_error": outcome.standard_error,
        "sigma": outcome.sigma,
        "sigma_at_edge": outcome.at_edge,
        "validation": {f"{s:.6g}": v for s, v in outcome.validation.items()},
        "step": loaded.step,
    }
    text = (
        f"log-likelihood {outcome.log_likelihood:.1f} ± {outcome.standard_error:.1f}"
        f" nats, sigma {outcome.sigma:.4g}\n"
        "Goodfellow et al. 2014, Table 1: MNIST 225 ± 2, TFD 2057 ± 26"
    )
    return Measured(protocol, numbers, text)


def _measure_memorisation(config: EvaluateConfig, subject: Subject) -> Measured:
    loaded, train, num_rows, test = subject
    count = find_num_samples(config)
    picture = _folder(config) / "nearest_training_images.png"
    outcome = memorisation.measure(
        Samples(loaded, config.seed).images(count),
        train,
        test,
        num_rows=num_rows,
        picture=picture,
    )
    protocol = (
        f"root mean square distance in grey levels of {count:,} samples to the nearest"
        f" of {num_rows:,} training images, and of as many test images"
    )
    text = (
        f"pairs           {picture}\n"
        f"samples         {outcome.samples:.1f} grey levels from the nearest training"
        f" image (median), {outcome.closest:.1f} at least\n"
        f"test images     {outcome.test:.1f} (median)"
    )
    return Measured(protocol, {**outcome._asdict(), "step": loaded.step}, text)


def _as_unit(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)


def _data_configs(config: EvaluateConfig) -> tuple[DataConfig, DataConfig]:
    """Return the data that a run was trained on, and the part to test on."""
    trained = data_config(loading.read_generator_config(config.run))
    train = dataclasses.replace(
        trained,
        data_dir=config.data_dir or trained.data_dir,
        source=config.source or trained.source,
    )
    return train, dataclasses.replace(train, split=config.test_split)


def _folder(config: EvaluateConfig) -> Path:
    """Return where files of an evaluation lie: in the run, or beside the file."""
    path = Path(config.run)
    return (path if path.is_dir() else path.parent) / "evaluation"
