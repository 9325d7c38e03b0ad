"""From a run to a number: generator and data → metric → result."""

import dataclasses
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import errors, loading, models, preparing, result_file, run_dir
from dcgan_jax.config import CONDITIONAL, DataConfig, TrainConfig, data_config
from dcgan_jax.data import batches, kept_rows, store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.evaluation import memorisation, nearest_neighbour, parzen
from dcgan_jax.evaluation.config import EvaluateConfig, find_num_samples
from dcgan_jax.evaluation.nearest_neighbour import Identity
from dcgan_jax.evaluation.parzen import Outcome
from dcgan_jax.evaluation.samples import Samples
from dcgan_jax.loading import LoadedGenerator

_LOG = logging.getLogger(__name__)

_TABLE_3 = (
    "Table 3 (paper, MNIST): 2.98 % at 50K and 1.48 % at 10M samples, GAN 6.28 % and"
    " 5.65 %, real data 3.1 %"
)
_TABLE_1_2014 = "Goodfellow et al. 2014, Table 1: MNIST 225 ± 2, TFD 2057 ± 26"


class Subject(NamedTuple):
    """What is evaluated.

    Attributes:
        loaded: the generator.
        train: the store that it was trained on …
        num_rows: … its first rows.
    """

    loaded: LoadedGenerator
    train: Store
    num_rows: int


class Measured(NamedTuple):
    """A result: how, its numbers, and the lines that tell it."""

    protocol: str
    numbers: dict[str, Any]
    text: str


def prepare(config: EvaluateConfig) -> int:
    """Make sure that the stores are there; return an exit code.

    Raises:
        InputError: if the run cannot be evaluated by the metric.
    """
    trained = _read_config(config)
    _check_suits(config, trained)
    splits = [_train_config(config, trained)]
    if config.metric != "memorisation":
        splits.append(_test_config(config, trained))
    return preparing.make_all_ready(splits)


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
    train = kept_rows.open_training_store(_train_config(config, loaded.config))
    _check_data(config, train)
    num_rows = batches.count_training_rows(len(train), loaded.config.held_out)
    subject = Subject(loaded, train, num_rows)
    measured = {
        "nearest_neighbour": _measure_nearest_neighbour,
        "parzen": _measure_parzen,
        "memorisation": _measure_memorisation,
    }[config.metric](config, subject)
    return measured._replace(numbers={**measured.numbers, "step": loaded.step})


def _measure_nearest_neighbour(config: EvaluateConfig, subject: Subject) -> Measured:
    loaded, train, num_rows = subject
    test = _open_test(config, loaded.config)
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
        folder=_folder(config),
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
    test = _open_test(config, loaded.config)
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
    picture = _folder(config) / "nearest_training_images.png"
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


def _check_data(config: EvaluateConfig, train: Store) -> None:
    """Raise an error if a run was trained on other images than those at hand."""
    if not Path(config.run).is_dir():
        return
    recorded = run_dir.read_json(Path(config.run) / run_dir.CONFIG)
    if recorded.get("data_fingerprint") not in (None, train.fingerprint):
        raise errors.InputError(
            f"{config.run} was trained on other images than those in {train.path};"
            " give the --data_dir and --source that it was trained with."
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


def _read_config(config: EvaluateConfig) -> TrainConfig:
    path = Path(config.run)
    if not path.is_dir() and path.suffix != ".safetensors":
        raise errors.MissingInputError(
            f"{config.run} is neither a run's folder nor an exported .safetensors file."
        )
    return loading.read_generator_config(config.run)


def _train_config(config: EvaluateConfig, trained: TrainConfig) -> DataConfig:
    return dataclasses.replace(
        data_config(trained),
        data_dir=config.data_dir or trained.data_dir,
        source=config.source or trained.source,
    )


def _test_config(config: EvaluateConfig, trained: TrainConfig) -> DataConfig:
    return dataclasses.replace(
        _train_config(config, trained), split=config.test_split, dedup=False
    )


def _open_test(config: EvaluateConfig, trained: TrainConfig) -> Store:
    return stores.open_store(stores.store_path(_test_config(config, trained)))


def _folder(config: EvaluateConfig) -> Path:
    """Return where files of an evaluation lie: in the run, or beside the file."""
    path = Path(config.run)
    return (path if path.is_dir() else path.parent) / "evaluation"
