"""The latent nearest to a picture file, for a generator and its discriminator."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from dcgan_jax import models
from dcgan_jax.data import decoding, transforms
from dcgan_jax.features import extract
from dcgan_jax.latent import inversion
from dcgan_jax.latent.inversion import Descent, DescentPlan, Networks
from dcgan_jax.latent.latent_file import LatentFile
from dcgan_jax.models import batch_statistics, pixels
from dcgan_jax.runs.load import LoadedDiscriminator, LoadedGenerator
from dcgan_jax.sample import draw as sampling
from dcgan_jax.sample.numbered import NumberedGenerator
from dcgan_jax.system import errors

NUM_CANDIDATES, NUM_STARTS = 256, 8
STEPS_BETWEEN = 20
FEATURE_WEIGHT = 0.1  # ours: pixels and features count about the same near the end
_MOST_BYTES = 100_000_000


class NearestLatent(NamedTuple):
    """How far the search has come.

    Attributes:
        step: the number of steps that were taken.
        latent: (latent_size,), the best one.
        image: uint8 (height, width, channels), what the generator draws of it.
        pixel_error: the root mean square difference, as a share of the range.
    """

    step: int
    latent: np.ndarray
    image: np.ndarray
    pixel_error: float


def read_image(path: Path, generator: LoadedGenerator) -> np.ndarray:
    """Read a picture as training would: upright, its centre square, resized.

    Returns:
        uint8 (image_size, image_size, channels) of the generator.

    Raises:
        MissingInputError: if there is no such file.
        InputError: if it is no picture.
    """
    if not path.is_file():
        raise errors.MissingInputError(f"there is no picture {path}.")
    if path.stat().st_size > _MOST_BYTES:
        raise errors.InputError(f"{path} is above {_MOST_BYTES / 1e6:.0f} MB.")
    config = generator.config
    wanted = transforms.Transform(config.image_size, config.channels, upscale=True)
    try:
        return transforms.apply(path.read_bytes(), wanted)
    except decoding.BrokenImage as error:
        raise errors.InputError(
            f"{path} is no picture that can be read: {error}."
        ) from None


def seek(
    generator: NumberedGenerator,
    discriminator: LoadedDiscriminator | None,
    image: np.ndarray,
    *,
    num_steps: int,
    feature_weight: float = FEATURE_WEIGHT,
) -> Iterator[NearestLatent]:
    """Look for the latent whose image is nearest to a picture.

    Args:
        generator: of the class that the picture is taken for.
        discriminator: its features are compared too; None: the pixels alone.
        image: uint8 (height, width, channels), of the generator's size.
        num_steps: the steps of the descent.
        feature_weight: see `inversion.measure`.
    """
    loaded = generator.loaded
    span = _find_span(loaded)
    target = np.asarray(pixels.scale_images(jnp.asarray(image), _range_of(loaded)))
    describer, variables = _describe(generator, discriminator)
    label = generator.label

    def make_networks(variables: Mapping[str, Any]) -> Networks:
        network = models.for_inference(loaded.network)

        def draw(latents: Any) -> Any:
            marks = None if label is None else jnp.full(len(latents), label, jnp.int32)
            images = network.apply(variables["gen"], latents, marks, train=False)
            return images.astype(jnp.float32)  # type: ignore[union-attr]

        def describe(images: Any) -> Any:
            marks = None if label is None else jnp.full(len(images), label, jnp.int32)
            _, activations = describer.apply(
                variables["disc"], images, marks, train=False
            )
            return [layer.astype(jnp.float32) for layer in activations.values()]

        bound = models.bound_latents(loaded.config)
        return Networks(draw, None if describer is None else describe, bound)

    steps = inversion.invert(
        make_networks,
        variables,
        target,
        generator.latents(NUM_CANDIDATES),
        DescentPlan(NUM_STARTS, num_steps, STEPS_BETWEEN, feature_weight),
    )
    for step in steps:
        yield _finish(step, loaded, span)


def describe_file(
    found: NearestLatent, generator: NumberedGenerator, run: str, image: str
) -> LatentFile:
    """Return what a file holds of a search that has ended."""
    return LatentFile(
        generator=generator.loaded.digest,
        run=Path(run).resolve().name,
        step=generator.loaded.step,
        label=generator.label,
        image=image,
        pixel_error=found.pixel_error,
        latent=found.latent,
    )


def _finish(step: Descent, loaded: LoadedGenerator, span: float) -> NearestLatent:
    image = np.asarray(pixels.to_uint8(jnp.asarray(step.image), _range_of(loaded)))
    return NearestLatent(step.step, step.latent, image, step.pixel_error / span)


def _describe(
    generator: NumberedGenerator, discriminator: LoadedDiscriminator | None
) -> tuple[Any, dict[str, Any]]:
    """Return the discriminator ready for use, and the variables of both networks."""
    variables = {"gen": generator.loaded.variables}
    if discriminator is None:
        return None, variables
    network = models.for_inference(discriminator.network)
    stats = discriminator.batch_stats
    if stats is None:  # released parameters come without them
        drawn = generator.draw(generator.latents(sampling.BLOCK))
        scaled = pixels.scale_images(jnp.asarray(drawn), _range_of(generator.loaded))
        stats = batch_statistics.estimate(
            extract.find_network(discriminator),
            discriminator.params,
            [np.asarray(scaled)],
        )
    variables["disc"] = {"params": discriminator.params, "batch_stats": stats}
    return network, variables


def _range_of(loaded: LoadedGenerator) -> Any:
    return loaded.network.pixel_range  # type: ignore[attr-defined]


def _find_span(loaded: LoadedGenerator) -> float:
    """Return the distance from black to white in the network's range."""
    if _range_of(loaded) == "contrast":
        raise errors.InputError(
            "this generator draws images without brightness, of which no picture's "
            "latent can be found."
        )
    return 2.0 if _range_of(loaded) == "tanh" else 1.0
