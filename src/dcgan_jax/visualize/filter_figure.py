"""From discriminators and images to Fig. 5: weights and stores → picture, numbers."""

import functools
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dcgan_jax.data.store import Store
from dcgan_jax.features import extract, feature_file
from dcgan_jax.features.feature_file import Shape
from dcgan_jax.pictures import filter_picture
from dcgan_jax.pictures.filter_picture import Shown
from dcgan_jax.runs.load import LoadedDiscriminator
from dcgan_jax.system import errors
from dcgan_jax.visualize import guided_backprop
from dcgan_jax.visualize.guided_backprop import Strongest

_LOG = logging.getLogger(__name__)
# Images over which batch statistics are estimated: 100 of the authors' batches.
NUM_STATISTICS_IMAGES = 12_800


class FilterFigure(NamedTuple):
    """Fig. 5 and what can be counted of it."""

    shown: dict[str, Shown]
    protocol: str
    numbers: dict[str, Any]
    text: str

    def draw(self, scale: int | None) -> np.ndarray:
        """Return the picture; `scale` is that of `filter_picture.draw_filters`."""
        return filter_picture.draw_filters(
            self.shown["random"],
            self.shown["trained"],
            self.numbers["filters"],
            scale=scale,
        )


def make_figure(
    networks: dict[str, LoadedDiscriminator],
    store: Store,
    *,
    num_images: int,
    num_shown: int,
    filters: tuple[int, ...],
    data_dir: Path,
) -> FilterFigure:
    """Show what the filters of trained and of random weights respond to.

    Both networks see the same images through batch statistics that are estimated in
    the same way, so that nothing but the weights differs. The paper does not say how
    its "random filter baseline" is made; here it is the untrained network of the same
    architecture, drawn as for training.

    Args:
        networks: `trained`, the one in question, and `random`, its architecture with
            weights as training begins with.
        store: the images.
        num_images: look at the first ones, at most as many as there are.
        num_shown: images of every filter.
        filters: numbers of filters of the last convolution.
        data_dir: where responses are kept, for a second time.

    Raises:
        InputError: if the store holds too few images.

    Source: §6.2, Fig. 5.
    """
    num_images = min(num_images, len(store))
    if num_images < num_shown:
        raise errors.InputError(
            f"{store.path} holds {len(store)} images; expected {num_shown} at least,"
            " which are shown of every filter. Give another --dataset or --source."
        )
    shown, strongest = {}, {}
    for name, loaded in networks.items():
        explained = _explain(
            loaded,
            store,
            np.array(filters),
            num_images=num_images,
            num_shown=num_shown,
            data_dir=data_dir,
        )
        strongest[name], shown[name] = explained
    numbers = {
        "weights": networks["trained"].name,
        "num_images": num_images,
        "filters": list(filters),
        **{name: _count(strongest[name]) for name in ("random", "trained")},
    }
    protocol = (
        f"{num_shown} of {num_images:,} images with the largest response of each filter"
        " of the last convolution, after LeakyReLU, at its strongest position; batch"
        f" statistics of either network over {_num_statistics(num_images):,} of these"
        " images; lead: mean response of those images above that of all, in standard"
        " deviations"
    )
    return FilterFigure(shown, protocol, numbers, _tell(numbers))


def _explain(
    loaded: LoadedDiscriminator,
    store: Store,
    filters: np.ndarray,
    *,
    num_images: int,
    num_shown: int,
    data_dir: Path,
) -> tuple[Strongest, Shown]:
    """Find the images that filters respond to most, and explain these responses."""

    # Not before an image is to pass: all may have, in an earlier process.
    @functools.cache
    def variables() -> dict[str, Any]:
        count = _num_statistics(num_images)
        _LOG.info("%s: batch statistics over %d images", loaded.name, count)
        stats = extract.estimate_statistics(
            loaded, extract.make_reader(store), num_images=count
        )
        return {"params": loaded.params, "batch_stats": stats}

    respond = guided_backprop.make_responses(extract.find_network(loaded))

    def produce(start: int, stop: int) -> np.ndarray:
        images = store.rows(np.arange(start, stop)).images
        responses = extract.in_batches(lambda part: respond(variables(), part), images)
        return responses[:, filters]

    identity: feature_file.Identity = {
        "images": f"the first {num_images} of {store.fingerprint}",
        "method": "responses of the last convolution",
        "weights": loaded.digest,
        "batch_statistics": f"over the first {_num_statistics(num_images)}",
        "filters": filters.tolist(),
    }
    folder = feature_file.find_folder(data_dir, identity, "float32")
    shape = Shape(num_images, len(filters), "float32")
    responses = feature_file.make(folder, produce, shape, identity=identity)
    strongest = guided_backprop.find_strongest(responses, kept=num_shown)
    images = store.rows(strongest.rows.ravel()).images
    explain = guided_backprop.make_guided_gradients(extract.find_network(loaded))
    gradients = np.asarray(explain(variables(), images, filters.repeat(num_shown)))
    blocks = (len(filters), num_shown, *store.image_shape)
    pictures = guided_backprop.to_picture(gradients).reshape(blocks)
    return strongest, Shown(images.reshape(blocks), pictures)


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
