"""The metrics, a module each, which `config.METRICS` lists."""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from dcgan_jax.config import TrainConfig
from dcgan_jax.data.store import Store
from dcgan_jax.evaluate.candidate import Candidate, Measured
from dcgan_jax.evaluate.config import METRICS, EvaluateConfig
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.system import errors


class Ruler(NamedTuple):
    """What the checkpoints of one run are measured by, one after another.

    Attributes:
        settings: all that the numbers depend on besides the generator, as JSON values.
        measure: generator → numbers by name; `quality_log.PRIMARY` ranks by some.
        protocol: how the numbers are taken.
        remarks: lines on what they may and may not be compared with.
    """

    settings: dict[str, Any]
    measure: Callable[[LoadedGenerator], dict[str, float]]
    protocol: str
    remarks: list[str]


class Metric(NamedTuple):
    """The way a metric is measured; each module has one, named METRIC.

    Attributes:
        run: (flags, generator and data) → result.
        check: (flags, settings of the run) → an InputError, unless the run's samples
            can be measured by it.
        list_splits: flags → the parts of the data set that are read, besides the images
            that the run was trained on.
        num_samples: the number of samples where no other is asked for.
        least_images: the fewest samples and real images that it makes sense for.
        most_samples: the most samples that it can take.
        make_ruler: (flags, settings of the run, its images, the number of these that it
            was trained on) → what --every measures by; None where it cannot.
    """

    run: Callable[[EvaluateConfig, Candidate], Measured]
    check: Callable[[EvaluateConfig, TrainConfig], None]
    list_splits: Callable[[EvaluateConfig], tuple[str, ...]]
    num_samples: int
    least_images: int
    most_samples: int
    make_ruler: Callable[[EvaluateConfig, TrainConfig, Store, int], Ruler] | None = None


def find(config: EvaluateConfig) -> Metric:
    """Return the metric that is asked for; several names may share one.

    Args:
        config: the flags, whose names of metrics have been checked.
    """
    name = config.metric.partition(",")[0].strip()
    module = importlib.import_module(f"{__name__}.{METRICS[name]}")
    metric: Metric = module.METRIC
    return metric


def find_num_samples(config: EvaluateConfig) -> int:
    """Return the number of samples to draw."""
    if config.num_samples is None:
        return find(config).num_samples
    return config.num_samples


def check_limits(config: EvaluateConfig) -> None:
    """Raise an error for numbers of images that the metric cannot take.

    Raises:
        InputError: if it cannot; the message says what was expected.
    """
    metric = find(config)
    number, least = find_num_samples(config), metric.least_images
    if not least <= number <= metric.most_samples:
        raise errors.InputError(
            f"--num_samples={number}, expected {least} to {metric.most_samples:,}, the"
            f" most that --metric={config.metric} can take."
        )
    if config.num_reference is not None and config.num_reference < least:
        raise errors.InputError(
            f"--num_reference={config.num_reference}, expected at least {least}."
        )
