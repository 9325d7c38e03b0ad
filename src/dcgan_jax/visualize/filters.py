"""From a discriminator and images to Fig. 5: stores and weights → picture, numbers."""

import dataclasses
import functools
import logging
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax import models
from dcgan_jax.config import DataConfig, TrainConfig, data_config
from dcgan_jax.data import store as stores
from dcgan_jax.data.store import Store
from dcgan_jax.features import extract, feature_file, weights
from dcgan_jax.features.feature_file import Shape
from dcgan_jax.features.weights import LoadedDiscriminator
from dcgan_jax.pictures import filter_picture
from dcgan_jax.pictures.filter_picture import Shown
from dcgan_jax.runs import authors
from dcgan_jax.system import errors
from dcgan_jax.visualize import guided_backprop
from dcgan_jax.visualize.commands.filters import NUM_SHOWN, FiltersConfig, list_filters
from dcgan_jax.visualize.guided_backprop import Strongest

_LOG = logging.getLogger(__name__)
# Images over which batch statistics are estimated: 100 of the authors' batches.
NUM_STATISTICS_IMAGES = 12_800


class Measured(NamedTuple):
    """Fig. 5 and what can be counted of it."""

    picture: np.ndarray
    protocol: str
    numbers: dict[str, Any]
    text: str


def find_data(config: FiltersConfig) -> DataConfig:
    """Return what to prepare: the images, in the form that the network takes.

    Raises:
        InputError: if the discriminator has no such filters.
    """
    trained = weights.find_config(config.run)
    _check_filters(config, trained)
    data_dir = config.data_dir or trained.data_dir
    if config.dataset is None:
        return dataclasses.replace(
            data_config(trained),
            data_dir=data_dir,
            source=config.source or trained.source,
            split=config.split or trained.split,
        )
    return DataConfig(
        dataset=config.dataset,
        source=config.source,
        split=config.split or "train",
        image_size=trained.image_size,
        channels=trained.channels,
        upscale=config.upscale,
        data_dir=data_dir,
    )


def measure(config: FiltersConfig) -> Measured:
    """Show what the filters of trained and of random weights respond to.

    Both networks see the same images through batch statistics that are estimated in
    the same way, so that nothing but the weights differs. The paper does not say how
    its "random filter baseline" is made; here it is the untrained network of the same
    architecture, drawn as for training.

    Args:
        config: the flags; the store is prepared.

    Raises:
        InputError: if weights or images cannot be used.

    Source: §6.2, Fig. 5.
    """
    trained = _load(config, config.run)
    random = _load(config, f"{weights.RANDOM}:{_architecture(config.run)}")
    store = stores.open_store(stores.store_path(find_data(config)))
    num_images = min(config.num_images, len(store))
    if num_images < NUM_SHOWN:
        raise errors.InputError(
            f"{store.path} holds {len(store)} images; expected {NUM_SHOWN} at least,"
            " which are shown of every filter. Give another --dataset or --source."
        )
    shown, strongest = {}, {}
    for name, loaded in (("random", random), ("trained", trained)):
        strongest[name], shown[name] = _explain(config, loaded, store, num_images)
    filters = list_filters(config)
    numbers = {
        "weights": trained.name,
        "num_images": num_images,
        "filters": list(filters),
        **{name: _count(found) for name, found in strongest.items()},
    }
    protocol = (
        f"{NUM_SHOWN} of {num_images:,} images with the largest response of each filter"
        " of the last convolution, after LeakyReLU, at its strongest position; batch"
        f" statistics of either network over {_num_statistics(num_images):,} of these"
        " images; lead: mean response of those images above that of all, in standard"
        " deviations"
    )
    picture = filter_picture.make_picture(shown["random"], shown["trained"], filters)
    return Measured(picture, protocol, numbers, _tell(numbers))


def _explain(
    config: FiltersConfig, loaded: LoadedDiscriminator, store: Store, num_images: int
) -> tuple[Strongest, Shown]:
    """Find the images that filters respond to most, and explain these responses."""
    filters = np.array(list_filters(config))

    # Not before an image is to pass: all may have, in an earlier process.
    @functools.cache
    def variables() -> dict[str, Any]:
        count = _num_statistics(num_images)
        _LOG.info("%s: batch statistics over %d images", loaded.name, count)
        stats = extract.estimate_statistics(loaded, store, num_images=count)
        return {"params": loaded.params, "batch_stats": stats}

    respond = guided_backprop.make_responses(loaded.network)

    def produce(start: int, stop: int) -> np.ndarray:
        images = store.rows(np.arange(start, stop)).images
        responses = extract.in_batches(lambda part: respond(variables(), part), images)
        return responses[:, filters]

    identity: feature_file.Identity = {
        "images": f"the first {num_images} of {store.fingerprint}",
        "method": "responses of the last convolution",
        "weights": loaded.fingerprint,
        "batch_statistics": f"over the first {_num_statistics(num_images)}",
        "filters": filters.tolist(),
    }
    folder = feature_file.find_folder(find_data(config).data_dir, identity, "float32")
    shape = Shape(num_images, len(filters), "float32")
    responses = feature_file.make(folder, produce, shape, identity=identity)
    strongest = guided_backprop.find_strongest(responses, kept=NUM_SHOWN)
    images = store.rows(strongest.rows.ravel()).images
    explain = guided_backprop.make_guided_gradients(loaded.network)
    gradients = np.asarray(explain(variables(), images, filters.repeat(NUM_SHOWN)))
    blocks = (len(filters), NUM_SHOWN, *store.image_shape)
    pictures = guided_backprop.to_picture(gradients).reshape(blocks)
    return strongest, Shown(images.reshape(blocks), pictures)


def _load(config: FiltersConfig, which: str) -> LoadedDiscriminator:
    return weights.load_discriminator(
        which,
        weights_dir=config.weights_dir,
        step=config.step,
        num_layers=config.num_layers,
        seed=config.seed,
    )


def _architecture(run: str) -> str:
    """Return the run or preset whose untrained network is like a run's."""
    release = authors.RELEASES.get(run)
    return run if release is None else release.preset


def _num_statistics(num_images: int) -> int:
    """Return over how many images statistics are estimated: whole batches."""
    count = min(num_images, NUM_STATISTICS_IMAGES)
    return count - count % min(count, extract.BATCH)


def _count(strongest: Strongest) -> dict[str, Any]:
    return {
        "lead": [round(float(lead), 2) for lead in strongest.lead],
        "distinct_images": len(np.unique(strongest.rows)),
        "shown_images": strongest.rows.size,
    }


def _tell(numbers: dict[str, Any]) -> str:
    lines = [
        f"filter {number:4}  lead {trained:5.2f} deviations, random {random:5.2f}"
        for number, trained, random in zip(
            numbers["filters"],
            numbers["trained"]["lead"],
            numbers["random"]["lead"],
            strict=True,
        )
    ]
    for name in ("trained", "random"):
        about = numbers[name]
        lines.append(
            f"{name:7}  {about['distinct_images']} different images among the"
            f" {about['shown_images']} shown"
        )
    return "\n".join(lines)


def _check_filters(config: FiltersConfig, trained: TrainConfig) -> None:
    """Raise an error for a layer or a filter that the network does not have."""
    convolutions = models.make_discriminator(trained).convolutions
    depth = config.num_layers or len(convolutions)
    if not 1 <= depth <= len(convolutions):
        raise errors.InputError(
            f"--num_layers={depth}, but the discriminator of {config.run} has"
            f" {len(convolutions)} convolutions."
        )
    count = convolutions[depth - 1].features
    for number in list_filters(config):
        if number >= count:
            raise errors.InputError(
                f"--filters has {number}, but the last convolution of {config.run} has"
                f" {count} filters; expected 0 … {count - 1}."
            )
