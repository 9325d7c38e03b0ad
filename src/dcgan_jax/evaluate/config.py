"""The settings of an evaluation."""

import dataclasses
from pathlib import Path
from typing import Annotated

from dcgan_jax import cli, presets
from dcgan_jax.system import errors
from dcgan_jax.system.marks import COUNT, Bounds

# The metrics, each with its module in `evaluate.metrics`.
METRICS = {
    "fid": "quality",
    "kid": "quality",
    "is": "quality",
    "prc": "quality",
    "nearest_neighbour": "nearest_neighbour",
    "parzen": "parzen",
    "memorisation": "memorisation",
    "modes": "modes",
}
# Any of these can be measured together, on the same features; the others alone.
QUALITY = tuple(name for name, module in METRICS.items() if module == "quality")
# The metrics that --every can follow a run by besides those.
_FOLLOWING = ("parzen", "modes")
INCEPTION = "inception"


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(cli.RunFlags):
    """Measure how good a generator is.

    Examples:
        dcgan evaluate runs/mnist --metric=nearest_neighbour
        dcgan evaluate runs/faces --metric=fid,kid --num_samples=10000 --out=fid.json
        dcgan evaluate runs/faces --metric=fid --every=1000
    """

    run: cli.Run
    """A run's folder, or an exported .safetensors file."""
    metric: str
    """What is measured: fid, kid, is (Inception score) and prc (precision and recall),
    or several of them with commas, on the features of --extractor. Or one of these:
    nearest_neighbour is the test error of 1-NN on labelled samples (Table 3); parzen is
    the log-likelihood of test images under windows around samples (Goodfellow et al.
    2014); memorisation shows the nearest training image of each sample; modes counts
    the modes of stacked digits that samples show (Metz et al. 2017)."""
    num_samples: Annotated[int | None, COUNT] = None
    """The number of images to generate. Without this flag it is 50,000; for modes it
    is 25,600, for parzen 10,000, for memorisation 50."""
    num_reference: Annotated[int | None, COUNT] = None
    """The number of real images that fid, kid and prc compare with, the first of their
    part. Without this flag it is all of them."""
    reference_split: str | None = None
    """The part whose images fid, kid and prc compare with. Without this flag it is the
    one that the run was trained on."""
    extractor: str = INCEPTION
    """What makes the features of fid, kid, is and prc: inception (torch-fidelity's), or
    a discriminator, which gives other numbers under other names: authors_svhn,
    authors_imagenet, a run's folder, or random:PRESET (untrained)."""
    inception_weights: Path | None = None
    """The file weights-inception-2015-12-05-6726825d.pth of torch-fidelity. Without
    this flag it is downloaded."""
    every: Annotated[int | None, COUNT] = None
    """The run is followed while it trains: every checkpoint whose step is a multiple of
    this is measured, and the last. The numbers go to RUN/quality.jsonl."""
    wait: bool = True
    """With --every, checkpoints are waited for until the run's last step. --no_wait
    measures what is there, and the newest counts as the last."""
    seed: int = 0
    """The seed of the samples."""
    data_dir: Path | None = None
    """The folder of the prepared stores. Without this flag it is the run's."""
    source: Path | None = None
    """Your own copy of the data. Without this flag it is the run's."""
    test_split: str = "test"
    """The part to test on; memorisation takes none."""
    sigmas: Annotated[tuple[float, ...] | None, Bounds(above=0)] = None
    """The widths of the windows of parzen to choose from, for pixels in [0, 1]. Without
    this flag they are ten from 0.1 to 1."""
    out: Path | None = None
    """The result is written into this file, as JSON."""


def check(config: EvaluateConfig) -> None:
    """Raise an error at once for flags that make no sense.

    Raises:
        InputError: if one does not; the message says what was expected.
    """
    check_metric(config)
    cli.check_suffix(config.out, "out", ".json")
    if config.every is not None:
        _check_followed(config)


def check_metric(config: EvaluateConfig) -> None:
    """Raise an error for a metric that there is not, or not with these flags.

    Raises:
        InputError: if there is none; the message says what was expected.
    """
    quality = find_quality_metrics(config)
    if "is" in quality and config.extractor != INCEPTION:
        raise errors.InputError(
            f"--metric={config.metric} with --extractor={config.extractor}: the"
            " Inception score needs the class probabilities of Inception, which a"
            " discriminator does not have; leave `is` out or take"
            f" --extractor={INCEPTION}."
        )
    is_able = bool(quality) or config.metric in _FOLLOWING
    if config.every is not None and not is_able:
        raise errors.InputError(
            f"--every follows a run by {', '.join((*QUALITY, *_FOLLOWING))}; got"
            f" --metric={config.metric}."
        )


def find_quality_metrics(config: EvaluateConfig) -> tuple[str, ...]:
    """Return the metrics of QUALITY that are asked for, in its order; () for others.

    Raises:
        InputError: if a name is unknown, or metrics are asked for that do not go
            together.
    """
    single = [name for name in METRICS if name not in QUALITY]
    if config.metric in single:
        return ()
    names = [name.strip() for name in config.metric.split(",")]
    for name in names:
        if name in single:
            raise errors.InputError(
                f"--metric={config.metric}: {name} is measured alone; only"
                f" {', '.join(QUALITY)} go together."
            )
        presets.check_name("metric", name, list(METRICS))
    return tuple(name for name in QUALITY if name in names)


def _check_followed(config: EvaluateConfig) -> None:
    if config.step is not None:
        raise errors.InputError(
            f"--every measures many checkpoints, --step={config.step} one; leave one of"
            " them out."
        )
    if not Path(config.run).is_dir():
        raise errors.MissingInputError(
            f"--every follows a run, but {config.run} is no run's folder."
        )
