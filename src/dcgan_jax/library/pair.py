"""A trained pair of networks to work with from Python: `dcgan_jax.load(…)`."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dcgan_jax import models
from dcgan_jax.config import TrainConfig
from dcgan_jax.features import extract, score as scoring
from dcgan_jax.library import arguments
from dcgan_jax.library.arguments import Labels
from dcgan_jax.pictures import formats, grid
from dcgan_jax.runs import authors, hub, load as loading, safetensors_file
from dcgan_jax.runs.load import LoadedDiscriminator, LoadedGenerator
from dcgan_jax.sample import draw as sampling, numbered
from dcgan_jax.system import backend, errors, hub as hubs, seeds


@backend.own_settings()
def load(
    path: str | Path,
    *,
    step: int | None = None,
    ema: bool = False,
    weights_dir: str | Path | None = None,
) -> "GAN":
    """Load a trained pair of networks.

    Args:
        path: a run's folder; an exported .safetensors file, beside which the file of
            the discriminator may lie; `authors_svhn` or `authors_imagenet`; or
            `hub:OWNER/NAME`, what `dcgan export --push` has published.
        step: the step of a run's checkpoint; None: the newest that verifies.
        ema: whether to take the generator's average, which a run with ema_decay keeps.
        weights_dir: folder of the authors' files; None: a cache, into which they are
            downloaded.

    Raises:
        FileNotFoundError: if there is no such run or file, or no average.
        ValueError: if it is damaged or no generator.
    """
    where = str(path)
    if where.startswith(hubs.PREFIX):
        where = str(hub.fetch_pair(where))
    folder = None if weights_dir is None else Path(weights_dir)
    exported = Path(where).suffix == safetensors_file.SUFFIX
    if step is not None and (exported or where in authors.RELEASES):
        raise errors.InputError(
            f"step is {step}, but {where} holds one generator; leave out step, or give "
            "the folder of a run."
        )
    backend.enable_compilation_cache()
    generator = loading.load_generator(where, weights_dir=folder, step=step, ema=ema)

    def load_discriminator() -> LoadedDiscriminator | None:
        if exported and not safetensors_file.name_discriminator(Path(where)).is_file():
            return None
        return loading.load_discriminator(
            where, weights_dir=folder, step=generator.step
        )

    return GAN(where, generator, load_discriminator)


class GAN:
    """A generator, and the discriminator that it was trained against.

    Images are uint8 (count, size, size, channels), with the size and the channels of
    `config`. All errors of input are ValueErrors of one line.

    Args:
        name: what messages call the run or file.
        generator: the pair's generator.
        load_discriminator: loads the pair's other network when it is first needed.

    Attributes:
        name: the run or file, as it was given.
        generator: the generator's network, variables, config and step.
    """

    def __init__(
        self,
        name: str,
        generator: LoadedGenerator,
        load_discriminator: Callable[[], LoadedDiscriminator | None],
    ) -> None:
        self.name, self.generator = name, generator
        self._load_discriminator = load_discriminator

    def __repr__(self) -> str:
        config = self.config
        step = "" if self.generator.step is None else f", step {self.generator.step}"
        return (
            f"<dcgan_jax.GAN of {self.name}{step}: {config.architecture},"
            f" {config.image_size}×{config.image_size}×{config.channels}>"
        )

    @property
    def config(self) -> TrainConfig:
        """The settings of the run that trained the pair."""
        return self.generator.config

    @functools.cached_property
    @backend.own_settings()
    def discriminator(self) -> LoadedDiscriminator | None:
        """The discriminator of the same step; None if an export has none beside it.

        Raises:
            FileNotFoundError: if its checkpoint has been deleted meanwhile.
            ValueError: if it is damaged, or of another step than the generator.
        """
        found = self._load_discriminator()
        own = self.generator
        if found is not None and (found.step, found.config) != (own.step, own.config):
            raise errors.InputError(
                f"the discriminator beside {self.name} is of another run or step"
                f" ({found.step}, not {own.step}); export the pair anew."
            )
        return found

    @backend.own_settings()
    def sample(
        self, num: int, seed: int = 0, labels: Labels | None = None
    ) -> np.ndarray:
        """Draw the first samples of a seed: those of `dcgan sample`.

        Args:
            num: the number of images; the first n are the same however many are drawn.
            seed: the seed of the latents, from 0 to 2³² − 1.
            labels: a conditional generator's classes, one for all or (num,): numbers
                from 0, or names. None lets the classes take turns.

        Returns:
            uint8 (num, size, size, channels).

        Raises:
            ValueError: if an argument is out of range.
        """
        count = arguments.check_whole("num", num, least=1)
        start = arguments.check_whole("seed", seed, least=0, most=seeds.MAX_SEED)
        chosen = arguments.check_labels(labels, self.config, count)
        draw = self.generator.draw_latents
        return self._draw(numbered.draw_latents(draw, start, count=count), chosen)

    @backend.own_settings()
    def generate(
        self,
        latents: np.ndarray | Sequence[Sequence[float]],
        labels: Labels | None = None,
    ) -> np.ndarray:
        """Draw the images of latents.

        Args:
            latents: (count, latent_size) finite numbers.
            labels: as for `sample`.

        Returns:
            uint8 (count, size, size, channels).

        Raises:
            ValueError: if latents or labels do not fit the generator.
        """
        rows = arguments.check_latents(latents, self.config.latent_size)
        return self._draw(rows, arguments.check_labels(labels, self.config, len(rows)))

    @backend.own_settings()
    def score(self, images: np.ndarray, labels: Labels | None = None) -> np.ndarray:
        """Return the probability of being real that the discriminator gives images.

        The authors' released discriminators have no batch statistics: they take those
        of these images.

        Args:
            images: uint8 (count, size, size, channels).
            labels: one label for all, or (count,); a conditional discriminator needs
                them.

        Returns:
            float32 (count,), from 0 to 1.

        Raises:
            ValueError: if there is no discriminator, or an argument does not fit.
        """
        models.require_single(self._require_discriminator().config)
        rows = arguments.check_images(images, self.config)
        if labels is None and self.config.num_classes is not None:
            raise errors.InputError(
                "labels is None, but this discriminator is conditional: give the label "
                "of each image."
            )
        return self._scorer(
            rows, arguments.check_labels(labels, self.config, len(rows))
        )

    @backend.own_settings()
    def features(
        self, images: np.ndarray, *, statistics_from: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the discriminator's features: §5.1's vector of each image.

        It holds the maxima over a 4×4 grid of every convolution's activations, for a
        linear classifier such as scikit-learn's LinearSVC.

        Args:
            images: uint8 (count, size, size, channels).
            statistics_from: images over which the batch statistics are taken; give the
                training images for both parts of a data set, as the authors do. None:
                a run's own statistics; the authors' releases have none and take them
                from `images`.

        Returns:
            float32 (count, n), 7,168 numbers for `authors_svhn`.

        Raises:
            ValueError: if there is no discriminator of a plain DCGAN, or the images do
                not fit it.
        """
        found = self._require_discriminator()
        rows = arguments.check_images(images, self.config)
        extract.find_network(found)
        if statistics_from is None and found.batch_stats is not None:
            return self._encoder(rows)
        basis = rows
        if statistics_from is not None:
            basis = arguments.check_images(
                statistics_from, self.config, what="statistics_from"
            )
        stats = extract.estimate_statistics(
            found,
            lambda first, count: basis[first : first + count],
            num_images=len(basis),
        )
        return extract.make_encoder(found, stats)(rows)

    def save_grid(
        self, images: np.ndarray, path: str | Path, *, columns: int | None = None
    ) -> None:
        """Write images as one picture, whose shorter side has 512 dots at least.

        Args:
            images: uint8 (count, height, width, channels).
            path: the .png file; its folder is made.
            columns: the images in a row; None makes the grid as square as it can be.

        Raises:
            ValueError: if the images or the name cannot be used.
        """
        out = Path(path)
        if not formats.is_picture(out):
            raise errors.InputError(
                f"path is {out}, expected a name that ends in"
                f" {' or '.join(formats.SUFFIXES)}."
            )
        rows = arguments.check_images(images, self.config)
        if columns is not None:
            columns = arguments.check_whole("columns", columns, least=1)
        out.parent.mkdir(parents=True, exist_ok=True)
        grid.save_picture(grid.make_grid(rows, columns=columns), out)

    @functools.cached_property
    def _sampler(self) -> sampling.Sampler:
        return sampling.make_sampler(self.generator.network)

    @functools.cached_property
    def _scorer(self) -> scoring.Scorer:
        pixel_range = self.generator.network.pixel_range  # type: ignore[attr-defined]
        return scoring.open_scorer(self._require_discriminator(), pixel_range)

    @functools.cached_property
    def _encoder(self) -> extract.Encode:
        found = self._require_discriminator()
        return extract.make_encoder(found, found.batch_stats)

    def _draw(self, latents: np.ndarray, chosen: np.ndarray | None) -> np.ndarray:
        return self._sampler(self.generator.variables, latents, chosen)

    def _require_discriminator(self) -> LoadedDiscriminator:
        if self.discriminator is None:
            beside = safetensors_file.name_discriminator(Path(self.name))
            raise errors.InputError(
                f"{self.name} comes without a discriminator; expected {beside} beside "
                "it, which `export` writes, or the folder of a run."
            )
        return self.discriminator
