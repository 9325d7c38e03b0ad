"""The modes of stacked digits that samples show, and their distance from the data's."""

import dataclasses
from typing import Any

import numpy as np

from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate import candidate as candidates, digit_classifier, modes
from dcgan_jax.evaluate.candidate import Candidate, Measured, require_pixels
from dcgan_jax.evaluate.config import EvaluateConfig
from dcgan_jax.evaluate.digit_classifier import DigitReader
from dcgan_jax.evaluate.metrics import Metric, Ruler, find_num_samples
from dcgan_jax.evaluate.modes import ModeCount
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample.numbered import SampleStream
from dcgan_jax.system import errors

# Of Metz et al. 2017, §3.3.1.
_NUM_SAMPLES = 25_600
_BLOCK = 2560
DATASETS = ("stacked_mnist", "stacked_digits")


@dataclasses.dataclass(frozen=True)
class _Counter:
    """Counts the modes of images, and knows those of the data.

    Attributes:
        reader: reads the digits.
        expected: (1000,) the share of each mode in the data.
        train: the images, of which `num_rows` were trained on.
        num_rows: their number.
    """

    reader: DigitReader
    expected: np.ndarray
    train: Store
    num_rows: int

    def count_samples(self, drawn: SampleStream, count: int) -> ModeCount:
        """Count the modes of the first samples of a seed."""
        return self._count(drawn.block, count)

    def count_real(self, count: int) -> ModeCount:
        """Count those of training images, which tell what the reader's errors do."""

        def read(first: int, size: int) -> np.ndarray:
            return self.train.rows(np.arange(first, first + size)).images

        return self._count(read, min(count, self.num_rows))

    def _count(self, read: Any, count: int) -> ModeCount:
        parts = [
            modes.to_mode(
                self.reader.read(np.asarray(read(first, min(_BLOCK, count - first))))
            )
            for first in range(0, count, _BLOCK)
        ]
        return modes.count_modes(np.concatenate(parts), self.expected)


def _open_counter(
    config: EvaluateConfig, trained: TrainConfig, train: Store, num_rows: int
) -> _Counter:
    test = candidates.open_split(config, trained, config.test_split)
    for store in (train, test):
        if not store.labelled or len(store.class_names or ()) != modes.NUM_MODES:
            raise errors.InputError(
                f"{store.path} has not all labels of {modes.NUM_MODES:,} stacks of"
                " digits; prepare it again with --reprepare."
            )
    folder = (config.data_dir or trained.data_dir) / "classifiers"
    reader = digit_classifier.open_reader(train, num_rows, test, folder=folder)
    digits = modes.to_digits(np.asarray(train.labels())[:num_rows]).ravel()
    expected = modes.share_modes(digits)
    if not expected.all():
        raise errors.InputError(f"{train.path} lacks one of the ten digits.")
    return _Counter(reader, expected, train, num_rows)


def _run(config: EvaluateConfig, candidate: Candidate) -> Measured:
    loaded, train, num_rows = candidate
    counter = _open_counter(config, loaded.config, train, num_rows)
    count = find_num_samples(config)
    found = counter.count_samples(SampleStream(loaded, config.seed), count)
    real = counter.count_real(count)
    numbers = {
        "modes": found.num_modes,
        "modes_kl": found.kl,
        "real_modes": real.num_modes,
        "real_modes_kl": real.kl,
        "reader_accuracy": counter.reader.accuracy,
    }
    lines = [
        f"samples  {found.num_modes:5,} of {modes.NUM_MODES:,} modes, KL {found.kl:.3f}"
        " nats",
        f"real     {real.num_modes:5,} of {modes.NUM_MODES:,} modes, KL {real.kl:.3f}"
        " nats",
        f"reader   {counter.reader.accuracy:.2%} of unseen digits are read rightly",
    ]
    return Measured(_describe(config, counter), numbers, "\n".join(lines))


def _make_ruler(
    config: EvaluateConfig, trained: TrainConfig, train: Store, num_rows: int
) -> Ruler:
    counter = _open_counter(config, trained, train, num_rows)
    count = find_num_samples(config)

    def measure(loaded: LoadedGenerator) -> dict[str, float]:
        found = counter.count_samples(SampleStream(loaded, config.seed), count)
        return {"modes": found.num_modes, "modes_kl": found.kl}

    settings = {
        "metric": "modes",
        "num_samples": count,
        "seed": config.seed,
        "images": train.fingerprint,
        "test_split": config.test_split,
        "reader": digit_classifier.VERSION,
    }
    return Ruler(settings, measure, _describe(config, counter), [])


def _describe(config: EvaluateConfig, counter: _Counter) -> str:
    return (
        f"{find_num_samples(config):,} samples (seed {config.seed}); each channel is"
        f" read by a network trained on {counter.reader.num_seen:,} digits, which reads"
        f" {counter.reader.accuracy:.2%} of unseen ones rightly; KL of the samples'"
        " shares of modes from the data's, in nats"
    )


def _check(config: EvaluateConfig, trained: TrainConfig) -> None:
    require_pixels(config, trained)
    if trained.dataset not in DATASETS or trained.channels != modes.NUM_CHANNELS:
        raise errors.InputError(
            f"--metric=modes counts the modes of stacked digits, but {config.run} was"
            f" trained on {trained.dataset} with {trained.channels} channels. Train"
            " with --dataset=stacked_mnist."
        )


METRIC = Metric(
    run=_run,
    check=_check,
    list_splits=lambda config: (config.test_split,),
    num_samples=_NUM_SAMPLES,
    least_images=1,
    most_samples=10_000_000,  # their modes are held in memory
    make_ruler=_make_ruler,
)
