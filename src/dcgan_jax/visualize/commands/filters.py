"""What D's filters respond to, by guided backpropagation (Fig. 5): filters RUN."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from dcgan_jax import cli
from dcgan_jax.system import errors

# Images of every filter, a square of three by three as in Fig. 5.
NUM_SHOWN = 9


@dataclasses.dataclass(frozen=True)
class FiltersConfig:
    """Show the images that a discriminator's filters respond to, and to what in them.

    To the left the same for random weights.
    """

    run: Annotated[str, tyro.conf.Positional]
    """A run's folder, authors_svhn, authors_imagenet."""
    filters: str = "0,1,2,3,4,5"
    """Numbers of filters of the last convolution, with commas."""
    num_layers: int | None = None
    """Take the last of the first convolutions alone; None: of all."""
    dataset: str | None = None
    """The images: a preset's name, folder, arrays, or tfds:NAME[/CONFIG]; None: those
    that the network was trained on."""
    source: Path | None = None
    """The user's own images, as for training; None: the run's."""
    split: str | None = None
    """The part of the data set; None: the run's, or train."""
    upscale: bool = False
    """Enlarge images of --dataset that are smaller than the network's."""
    num_images: int = 50_000
    """Look at the first ones at most; stores are shuffled."""
    data_dir: Path | None = None
    """Folder of the prepared stores; None: the run's."""
    step: int | None = None
    """The checkpoint's step; None: the newest."""
    weights_dir: Path | None = None
    """Folder of the authors' released parameters; None: a cache, into which they are
    downloaded."""
    seed: int = 0
    """Of the random weights."""
    out: Path = Path("filters.png")
    """The picture."""


def main(argv: Sequence[str]) -> int:
    """Draw the picture that the flags describe; return the exit code."""
    config = cli.parse(FiltersConfig, argv, command="filters")
    check(config)
    from dcgan_jax.data import ready
    from dcgan_jax.pictures import grid
    from dcgan_jax.system import backend
    from dcgan_jax.visualize import filters

    cli.configure_logging()
    backend.enable_compilation_cache()
    code = ready.make_ready(filters.find_data(config))
    if code != 0:
        return code
    measured = filters.measure(config)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    grid.save_image(measured.picture, config.out)
    print(f"{measured.text}\n{config.out}")
    return 0


def check(config: FiltersConfig) -> None:
    """Raise an error at once for flags that cannot be meant.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    list_filters(config)
    if config.num_images < NUM_SHOWN:
        raise errors.InputError(
            f"--num_images={config.num_images}; expected {NUM_SHOWN} at least, which"
            " are shown of every filter."
        )
    if config.out.suffix != ".png":
        raise errors.InputError(f"--out={config.out} must end in .png.")


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
