"""From a run to a number: generator and data → metric → result."""

import logging
from typing import Any

import numpy as np

from dcgan_jax import models
from dcgan_jax.architectures import CONDITIONAL
from dcgan_jax.config import TrainConfig
from dcgan_jax.data import ready
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import (
    config as configs,
    memorisation,
    nearest_neighbour,
    parzen,
    quality,
    subject as subjects,
)
from dcgan_jax.evaluate.config import EvaluateConfig, find_num_samples
from dcgan_jax.evaluate.nearest_neighbour import Identity
from dcgan_jax.evaluate.parzen import Outcome
from dcgan_jax.evaluate.samples import Samples
from dcgan_jax.evaluate.subject import Measured, Subject
from dcgan_jax.system import errors, result_file

_LOG = logging.getLogger(__name__)

_TABLE_3 = (
    "Table 3 (paper, MNIST): 2.98 % at 50K and 1.48 % at 10M samples, GAN 6.28 % and"
    " 5.65 %, real data 3.1 %"
)
_TABLE_1_2014 = "Goodfellow et al. 2014, Table 1: MNIST 225 ± 2, TFD 2057 ± 26"


def prepare(config: EvaluateConfig) -> int:
    """Make sure that the stores are there; return an exit code.

    Raises:
        InputError: if the run cannot be evaluated by the metric.
    """
    trained = subjects.read_config(config)
    _check_suits(config, trained)
    splits = [subjects.train_data(config, trained)]
    if configs.find_quality_metrics(config):
        quality.check(config, trained)
        if config.reference_split is not None:
            split = config.reference_split
            splits.append(subjects.split_data(config, trained, split))
    elif config.metric != "memorisation":
        splits.append(subjects.split_data(config, trained, config.test_split))
    return ready.make_all_ready(splits)


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
    if config.every is not None:
        from dcgan_jax.evaluate import following

        return following.follow(config)
    subject = subjects.open_subject(config)
    if configs.find_quality_metrics(config):
        return quality.measure(config, subject)
    measured = {
        "nearest_neighbour": _measure_nearest_neighbour,
        "parzen": _measure_parzen,
        "memorisation": _measure_memorisation,
    }[config.metric](config, subject)
    numbers = {**measured.numbers, "step": subject.loaded.step}
    return measured._replace(numbers=numbers)


def _measure_nearest_neighbour(config: EvaluateConfig, subject: Subject) -> Measured:
    loaded, train, num_rows = subject
    test = subjects.open_split(config, loaded.config, config.test_split)
    _check_classes(config, train, test)
    by_count = nearest_neighbour.measure(
        Samples(loaded, config.seed),
        test,
        num_samples=find_num_samples(config),
        identity=Identity(
            nearest_neighbour.hash_variables(loaded.variables),
            config.seed,
            test.fingerprint,
        ),
        folder=subjects.folder(config),
    )
    real = nearest_neighbour.measure_training(train, test, num_rows=num_rows)
    lines = [
        f"{count:>12,} samples  {error:6.2f} % test error"
        for count, error in by_count.items()
    ]
    numbers = {
        "error_percent": {str(count): error for count, error in by_count.items()},
        "real_error_percent": real,
        "num_real": num_rows,
    }
    protocol = (
        f"Euclidean 1-nearest neighbour of {len(test):,} test images among generated"
        " images whose labels take turns, stored batch statistics; errors in %"
    )
    real_line = f"{num_rows:>12,} real     {real:6.2f} %"
    return Measured(protocol, numbers, "\n".join([*lines, real_line, _TABLE_3]))


def _measure_parzen(config: EvaluateConfig, subject: Subject) -> Measured:
    loaded, train, num_rows = subject
    test = subjects.open_split(config, loaded.config, config.test_split)
    count = find_num_samples(config)
    valid = np.arange(num_rows, len(train))[: parzen.NUM_VALIDATION]
    if len(valid) == 0:
        _LOG.warning(
            "the run held no images out: sigma is chosen on images that it has seen"
        )
        valid = np.arange(min(parzen.NUM_VALIDATION, num_rows))
    sigmas = config.sigmas or parzen.SIGMAS
    outcome = parzen.measure(
        _as_unit(Samples(loaded, config.seed).images(count)),
        valid=_as_unit(train.rows(valid).images),
        test=_as_unit(test.rows(np.arange(len(test))).images),
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
        f" {len(sigmas)} by the likelihood of {len(valid):,} validation images; mean"
        f" over {len(test):,} test images in nats and its standard error"
    )
    return Measured(protocol, _parzen_numbers(outcome), _parzen_text(outcome))


def _parzen_numbers(outcome: Outcome) -> dict[str, Any]:
    return {
        "log_likelihood": outcome.log_likelihood,
        "standard_error": outcome.standard_error,
        "sigma": outcome.sigma,
        "sigma_at_edge": outcome.at_edge,
        "validation": {f"{s:.6g}": v for s, v in outcome.validation.items()},
    }


def _parzen_text(outcome: Outcome) -> str:
    return (
        f"log-likelihood {outcome.log_likelihood:.1f} ± {outcome.standard_error:.1f}"
        f" nats, sigma {outcome.sigma:.4g}\n{_TABLE_1_2014}"
    )


def _measure_memorisation(config: EvaluateConfig, subject: Subject) -> Measured:
    loaded, train, num_rows = subject
    count = find_num_samples(config)
    picture = subjects.folder(config) / "nearest_training_images.png"
    outcome = memorisation.measure(
        Samples(loaded, config.seed).images(count),
        train,
        num_rows=num_rows,
        picture=picture,
    )
    protocol = (
        f"root mean square distance in grey levels of {count:,} samples to the nearest"
        f" of {num_rows:,} training images, and of as many that were held out"
    )
    lines = [
        f"pairs     {picture}",
        f"samples   {outcome.samples:.1f} grey levels from the nearest training image"
        f" (median), {outcome.closest:.1f} at least",
    ]
    if outcome.unseen is not None:
        lines.append(f"held out  {outcome.unseen:.1f} (median)")
    return Measured(protocol, outcome._asdict(), "\n".join(lines))


def _as_unit(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)


def _check_suits(config: EvaluateConfig, trained: TrainConfig) -> None:
    """Raise an error unless a run's samples can be measured by the metric."""
    if config.metric == "nearest_neighbour":
        if trained.architecture not in CONDITIONAL:
            raise errors.InputError(
                f"{config.run} is not conditional: its samples have no labels to"
                " classify by. Train with --preset=mnist_conditional or mnist_mlp."
            )
        return
    generator = models.make_pair(trained).generator
    if generator.pixel_range == "contrast":
        raise errors.InputError(
            f"{config.run} makes images of normalised contrast, expected pixels, which"
            f" --metric={config.metric} compares with the data's. Choose another run."
        )


def _check_classes(config: EvaluateConfig, train: Store, test: Store) -> None:
    """Raise an error unless test images have the labels of training images."""
    for name, store in (("training", train), (config.test_split, test)):
        if not store.labelled:
            raise errors.InputError(
                f"not all of the {name} images have labels, which are needed to compare"
                " with; choose another --test_split or --source."
            )
    known, found = train.class_names or (), test.class_names or ()
    # Arrays may lack examples of the last classes.
    if known[: len(found)] != found:
        raise errors.InputError(
            f"the classes trained on are {known}, those of {config.test_split} {found};"
            " expected the same."
        )
