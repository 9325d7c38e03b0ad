"""The generator that the page shows, with its discriminator and log if they exist."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from dcgan_jax.explore.config import ExploreConfig
from dcgan_jax.explore.own import OwnGenerator
from dcgan_jax.features import score
from dcgan_jax.runs import authors, load as loading, reading
from dcgan_jax.runs.load import LoadedGenerator
from dcgan_jax.sample import draw as sampling
from dcgan_jax.system import errors


class NoCheckpointError(errors.MissingInputError):
    """A run has no checkpoint yet."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A generator, and all that the page shows of it.

    Attributes:
        name: the run or file, as the command line has it.
        run: the run's folder, which has a log; None for other generators.
        folder: the only folder that picks and boxes are written into.
        loaded: the generator; None for a run without a checkpoint yet.
        scorer: the discriminator; None if there is none.
        remarks: a line for each thing that is lacking.
        own: latents of a person's own pictures.
    """

    name: str
    run: Path | None
    folder: Path
    loaded: LoadedGenerator | None
    scorer: score.Scorer | None
    remarks: tuple[str, ...]
    own: list[np.ndarray] = dataclasses.field(default_factory=list)

    @functools.cached_property
    def sampler(self) -> sampling.Sampler:
        """The compiled generator."""
        return sampling.make_sampler(self.require().network)

    def require(self) -> LoadedGenerator:
        """Return the generator; without one the page offers nothing that needs it.

        Raises:
            NoCheckpointError: if there is none yet.
        """
        if self.loaded is None:
            raise NoCheckpointError(f"{self.name or 'the run'} has no checkpoint yet.")
        return self.loaded

    def number(self, seed: int, label: int | None) -> OwnGenerator:
        """Return the generator with its numbered samples of a seed and a class."""
        return OwnGenerator(self.require(), seed, label, self.sampler, self.own)


def open_subject(config: ExploreConfig) -> Subject:
    """Load a generator and whatever belongs to it.

    Raises:
        MissingInputError: if there is neither a run nor a generator.
        InputError: if it is damaged.
    """
    if not config.run:
        return Subject("", None, Path(), None, None, ("no run here yet",))
    run = find_run(config.run)
    try:
        loaded = loading.load_flagged_generator(config)
    except errors.MissingInputError:
        if run is None or config.step is not None or config.ema:
            raise
        reading.read_any_config(config.run)  # or it is no run
        remark = "no checkpoint yet; the page goes on by itself when there is one"
        return Subject(config.run, run, run, None, None, (remark,))
    remarks = [] if run is not None else ["no log of a training run"]
    remarks += ["the generator's average (--ema)"] * config.ema
    scorer = None
    try:
        scorer = _load_scorer(config, loaded)
    except errors.InputError as error:
        remarks.append(f"no scores: {error}")
    folder = run or _name_folder(config.run)
    return Subject(config.run, run, folder, loaded, scorer, tuple(remarks))


def find_run(where: str) -> Path | None:
    """Return the folder of a run; None for other generators."""
    if where in authors.RELEASES or Path(where).suffix == ".safetensors":
        return None
    return Path(where)


def _name_folder(where: str) -> Path:
    """Return the folder for picks and boxes of an exported file, which is beside it."""
    path = Path(where)
    return path.with_name(f"{path.stem}-explorer")


def _load_scorer(config: ExploreConfig, loaded: LoadedGenerator) -> score.Scorer:
    pixel_range = loaded.network.pixel_range  # type: ignore[attr-defined]
    if loaded.step is not None and find_run(config.run) is None:
        raise errors.InputError("an exported generator comes without a discriminator")
    found = loading.load_discriminator(
        config.run, weights_dir=config.weights_dir, step=loaded.step
    )
    return score.open_scorer(found, pixel_range)
