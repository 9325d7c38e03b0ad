"""The discriminator's architecture trained on labelled images alone.

§5.2 has "a purely supervised CNN with the same architecture on the same data", whose
settings were found "via random search over 64 hyperparameter choices". Its validation
error is 28.87 % on SVHN with 1000 labels.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.config import AdamConfig, TrainConfig
from dcgan_jax.data import batches
from dcgan_jax.data.batches import Batch, Schedule
from dcgan_jax.features import classifier
from dcgan_jax.gan import keys
from dcgan_jax.system import progress

# The space of the search is ours: the paper names none.
LEARNING_RATES = (1e-4, 1e-2)  # log-uniform
B1S = (0.5, 0.9)
L2S = (1e-6, 1e-2)  # log-uniform
DROPOUTS = (0.0, 0.5)
BATCH_SIZES = (32, 64, 128)
DECAY_FRACTIONS = (0.0, 0.5)

_VALID_BATCH = 250


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """A random search."""

    network: TrainConfig
    """The recipe whose discriminator learns; it gives Adam's b2 and epsilon too."""
    num_classes: int
    num_trials: int = 64  # §5.2
    """The number of trials; a longer search begins with the trials of a shorter one."""
    num_epochs: int
    """The length of a trial."""
    eval_every_epochs: int = 1
    """The interval between two validation errors, a divisor of num_epochs."""
    seed: int
    """The seed of the settings, the weights and the order of the images."""

    @property
    def adam(self) -> AdamConfig:
        """The recipe's optimiser, which a discriminator with features always has."""
        if self.network.adam is None:
            raise ValueError(f"{self.network.architecture} is not trained by adam")
        return self.network.adam


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One choice of settings."""

    learning_rate: float
    b1: float
    l2: float
    """The weight of the L2 penalty, as in AdamConfig."""
    dropout: float
    """The share of the last activation that is dropped."""
    batch_size: int
    decay_fraction: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialResult:
    """The result of a trial; errors are shares of the validation images."""

    index: int
    trial: Trial
    valid_errors: tuple[float, ...]
    """The errors after every `eval_every_epochs`-th epoch."""
    best_epoch: int | None
    """The number of epochs after which the error was first at its lowest."""
    best_error: float
    """The lowest error; a trial that diverged has that of guessing."""
    final_error: float
    diverged: bool
    """Whether the loss became NaN or infinite, which ended the trial."""


def draw_trial(seed: int, index: int) -> Trial:
    """Draw the settings of a trial, which depend on nothing else."""
    shares = np.random.default_rng([seed, index]).random(6).tolist()

    def between(bounds: tuple[float, float], share: float) -> float:
        return float(bounds[0] * (bounds[1] / bounds[0]) ** share)

    def one_of(choices: tuple[Any, ...], share: float) -> Any:
        return choices[int(share * len(choices))]

    return Trial(
        learning_rate=between(LEARNING_RATES, shares[0]),
        b1=one_of(B1S, shares[1]),
        l2=between(L2S, shares[2]),
        dropout=one_of(DROPOUTS, shares[3]),
        batch_size=one_of(BATCH_SIZES, shares[4]),
        decay_fraction=one_of(DECAY_FRACTIONS, shares[5]),
    )


def run_trial(
    config: SearchConfig,
    trial: Trial,
    train: Batch,
    valid: Batch,
    *,
    index: int,
    advance: progress.Advance = lambda epochs: None,
) -> TrialResult:
    """Train a classifier by one choice of settings.

    Args:
        config: the search.
        trial: the settings.
        train: uint8 images (n, height, width, channels) and labels (n,).
        valid: the images whose errors are counted, and labels.
        index: the trial's number; weights and dropout follow from it and the seed.
        advance: takes the number of epochs done since its last call.
    """
    programs = classifier.compile_programs()
    schedule = Schedule(len(train.images), trial.batch_size, config.seed, "rows")
    per_epoch = batches.batches_per_epoch(len(train.images), trial.batch_size)
    plan = _make_plan(config, trial, num_updates=config.num_epochs * per_epoch)
    rates = classifier.Rates(
        *map(jnp.float32, (trial.learning_rate, trial.b1, trial.l2))
    )
    init_key, key = (
        jax.random.fold_in(keys.make_key(config.seed, purpose), index)
        for purpose in (keys.Purpose.INIT, keys.Purpose.TRAINING)
    )
    # The same program draws the weights whatever the dropout is.
    variables = programs.draw_variables(
        plan.net.clone(dropout=0.0), init_key, image_shape=train.images.shape[1:]
    )
    state = classifier.make_state(plan, rates, variables)
    data, blocks = jax.device_put((train, _cut_blocks(valid)))
    valid_errors: list[float] = []
    for epoch in range(config.num_epochs):
        rows = batches.chunk_rows(schedule, epoch * per_epoch, count=per_epoch)
        state, loss = programs.train_epoch(
            plan, rates, state, data, np.int32(rows), jax.random.fold_in(key, epoch)
        )
        if not math.isfinite(float(loss)):
            advance(config.num_epochs - epoch)
            return _summarise(config, trial, valid_errors, index=index, diverged=True)
        if (epoch + 1) % config.eval_every_epochs == 0:
            wrong = int(programs.count_wrong(plan.net, state, blocks))
            valid_errors.append(wrong / len(valid.images))
        advance(1)
    return _summarise(config, trial, valid_errors, index=index, diverged=False)


def result_from_json(values: dict[str, Any]) -> TrialResult:
    """Rebuild a result from the JSON of its `dataclasses.asdict`.

    Raises:
        KeyError: if the trial or its errors are missing.
        TypeError: if another field is missing or unknown.
    """
    return TrialResult(
        **{
            **values,
            "trial": Trial(**values["trial"]),
            "valid_errors": tuple(values["valid_errors"]),
        }
    )


def _make_plan(
    config: SearchConfig, trial: Trial, *, num_updates: int
) -> classifier.Plan:
    net = classifier.Classifier(
        models.make_discriminator(config.network), config.num_classes, trial.dropout
    )
    adam = config.adam
    return classifier.Plan(
        net, adam.b2, adam.epsilon, trial.decay_fraction, num_updates
    )


def _cut_blocks(data: Batch) -> Batch:
    """Cut rows into blocks of one size; rows of label −1 fill the last."""
    size = min(_VALID_BATCH, len(data.images))
    missing = -len(data.images) % size
    images = np.pad(data.images, [(0, missing)] + [(0, 0)] * 3)
    labels = np.asarray(data.labels, np.int32)
    labels = np.pad(labels, (0, missing), constant_values=-1)
    return Batch(images.reshape(-1, size, *images.shape[1:]), labels.reshape(-1, size))


def _summarise(
    config: SearchConfig,
    trial: Trial,
    valid_errors: list[float],
    *,
    index: int,
    diverged: bool,
) -> TrialResult:
    guessing = 1.0 - 1.0 / config.num_classes
    best = None if diverged else int(np.argmin(valid_errors))
    return TrialResult(
        index=index,
        trial=trial,
        valid_errors=tuple(valid_errors),
        best_epoch=None if best is None else (best + 1) * config.eval_every_epochs,
        best_error=guessing if best is None else valid_errors[best],
        final_error=guessing if diverged else valid_errors[-1],
        diverged=diverged,
    )
