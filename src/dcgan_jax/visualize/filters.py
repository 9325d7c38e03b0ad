"""Show what the discriminator's filters respond to, as in Fig. 5."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dcgan_jax import cli
from dcgan_jax.config import Scale
from dcgan_jax.pictures import formats
from dcgan_jax.system import errors
from dcgan_jax.system.marks import COUNT, MOST, Bounds

if TYPE_CHECKING:
    from dcgan_jax.config import DataConfig, TrainConfig
    from dcgan_jax.visualize.filter_figure import FilterFigure

# Images of every filter, a square of three by three as in Fig. 5.
NUM_SHOWN = 9


@dataclasses.dataclass(frozen=True)
class FiltersConfig(cli.WeightsFlags):
    """Show the images that a discriminator's filters respond to, and to what in them.

    On the left the picture shows the same for random weights (Fig. 5).

    Examples:
        dcgan visualize filters runs/faces
        dcgan visualize filters runs/faces --filters=0,5,9 --num_layers=2
        dcgan visualize filters authors_svhn --dataset=svhn --out=svhn_filters.png
    """

    run: cli.Run
    """A run's folder, authors_svhn or authors_imagenet."""
    filters: str = "0,1,2,3,4,5"
    """The numbers of filters of the last convolution, with commas."""
    num_layers: Annotated[int | None, COUNT] = None
    """The last convolution is this one, counted from 1. Without this flag it is the
    network's last."""
    dataset: str | None = None
    """The images: a data set's name, folder, arrays, or tfds:NAME[/CONFIG]. Without
    this flag they are those that the network was trained on."""
    source: Path | None = None
    """Your own copy of the data, as for training. Without this flag it is the run's."""
    split: str | None = None
    """The part of the data set. Without this flag it is the run's, or train."""
    upscale: bool = False
    """Images of --dataset that are smaller than the network's are enlarged."""
    num_images: Annotated[int, Bounds(at_least=NUM_SHOWN, at_most=MOST)] = 50_000
    """At most so many images are looked at, the first ones of the store, which is
    shuffled."""
    data_dir: Path | None = None
    """The folder of the prepared stores. Without this flag it is the run's."""
    seed: int = 0
    """The seed of the random weights."""
    out: Path = Path("filters.png")
    """The picture (.png)."""
    scale: Scale = None
    """The dots that a pixel of an image becomes on each side. Without this flag they
    are so many that the shorter side of the picture has 512 at least."""


def parse(argv: Sequence[str]) -> FiltersConfig:
    """Read the command's flags."""
    return cli.parse(FiltersConfig, argv, command="visualize filters")


def main(argv: Sequence[str]) -> int:
    """Draw the picture that the flags describe; return the exit code."""
    config = parse(argv)
    check(config)
    from dcgan_jax.data import ready
    from dcgan_jax.pictures import grid

    cli.start()
    code = ready.make_ready(find_data(config))
    if code != 0:
        return code
    figure = draw_figure(config)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    grid.save_image(figure.draw(config.scale), config.out)
    print(f"{figure.text}\n{config.out}")
    return 0


def check(config: FiltersConfig) -> None:
    """Raise an error at once for flags that cannot be meant.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    list_filters(config)
    cli.check_suffix(config.out, "out", *formats.SUFFIXES)


def list_filters(config: FiltersConfig) -> tuple[int, ...]:
    """Return the filters' numbers.

    Raises:
        InputError: if they are no numbers with commas.
    """
    words = [word.strip() for word in config.filters.split(",")]
    if not all(word.isdecimal() for word in words):
        raise errors.InputError(
            f"--filters={config.filters}; expected numbers with commas, as in 0,5,9."
        )
    return tuple(int(word) for word in words)


def find_data(config: FiltersConfig) -> "DataConfig":
    """Return what to prepare: the images, in the form that the network takes.

    Raises:
        InputError: if the discriminator has no such filters.
    """
    from dcgan_jax.config import DataConfig, data_config
    from dcgan_jax.runs import load as loading

    trained = loading.find_config(config.run)
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


def draw_figure(config: FiltersConfig) -> "FilterFigure":
    """Show what the filters of trained and of random weights respond to.

    Args:
        config: the flags; the store is prepared.

    Raises:
        InputError: if weights or images cannot be used.
    """
    from dcgan_jax.data import store as stores
    from dcgan_jax.runs import authors, load as loading
    from dcgan_jax.visualize import filter_figure

    release = authors.RELEASES.get(config.run)
    architecture = config.run if release is None else release.preset
    networks = {
        name: loading.load_discriminator(
            which,
            weights_dir=config.weights_dir,
            step=config.step,
            num_layers=config.num_layers,
            seed=config.seed,
        )
        for name, which in (
            ("trained", config.run),
            ("random", f"{loading.RANDOM}:{architecture}"),
        )
    }
    data = find_data(config)
    return filter_figure.make_figure(
        networks,
        stores.open_store(stores.store_path(data)),
        num_images=config.num_images,
        num_shown=NUM_SHOWN,
        filters=list_filters(config),
        data_dir=data.data_dir,
    )


def _check_filters(config: FiltersConfig, trained: "TrainConfig") -> None:
    """Raise an error for a layer or a filter that the network does not have."""
    from dcgan_jax import models

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
