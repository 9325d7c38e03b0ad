"""Show what the discriminator's filters respond to, as in Fig. 5."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dcgan_jax import cli
from dcgan_jax.system import errors

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
    num_layers: int | None = None
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
    num_images: int = 50_000
    """At most so many images are looked at, the first ones of the store, which is
    shuffled."""
    data_dir: Path | None = None
    """The folder of the prepared stores. Without this flag it is the run's."""
    seed: int = 0
    """The seed of the random weights."""
    out: Path = Path("filters.png")
    """The picture (.png)."""


def parse(argv: Sequence[str]) -> FiltersConfig:
    """Read the command's flags."""
    return cli.parse(FiltersConfig, argv, command="visualize filters")


def main(argv: Sequence[str]) -> int:
    """Draw the picture that the flags describe; return the exit code."""
    config = parse(argv)
    check(config)
    from dcgan_jax.data import ready
    from dcgan_jax.pictures import grid
    from dcgan_jax.visualize import filters

    cli.start()
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
