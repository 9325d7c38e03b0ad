"""Draw images from a generator."""

import dataclasses
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dcgan_jax import cli
from dcgan_jax.config import Scale
from dcgan_jax.pictures import formats
from dcgan_jax.system import disk, errors
from dcgan_jax.system.marks import COUNT

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class SampleConfig(cli.RunFlags):
    """Draw images from a generator: as a grid, an array or a folder of pictures.

    Examples:
        dcgan sample runs/digits
        dcgan sample runs/digits --num=1000 --seed=1 --out=digits.npz
        dcgan sample authors_svhn --num=200 --numbered --out=numbered.png
    """

    num: Annotated[int, COUNT] = 64
    """The number of images; the first n are the same however many are drawn."""
    seed: int = 0
    """The seed of the latents."""
    label: str | None = None
    """The class that a conditional generator draws, by its name or its number. Without
    this flag all classes take turns."""
    out: Path = Path("samples.png")
    """What is written: a picture of all images (.png, .jpg or .webp), uint8 arrays
    (.npz with the key `images`, and `labels` where there are any), or a new or empty
    folder of pictures."""
    scale: Scale = None
    """The dots that a pixel becomes on each side. Without this flag they are so many
    that the shorter side of a picture of all images has 512 at least; in a folder of
    pictures a pixel is a dot."""
    numbered: bool = False
    """Each image's number is written below it, so that exemplars can be picked for
    `dcgan latent`. A picture has room for it; the files of a folder and the rows of an
    .npz have these numbers anyway."""
    batch_stats: bool = False
    """Batch norm uses the statistics of these very images, as the authors do; an image
    then depends on the others."""


def parse(argv: Sequence[str]) -> SampleConfig:
    """Read the command's flags."""
    return cli.parse(SampleConfig, argv, command="sample")


def main(argv: Sequence[str]) -> int:
    """Draw the images that the flags describe; return the exit code."""
    config = parse(argv)
    _check(config)
    from dcgan_jax.runs import load as loading
    from dcgan_jax.sample import draw as sampling, labels, numbered

    cli.start()
    loaded = loading.load_flagged_generator(config)
    label = labels.find(config.label, loaded.config)
    _, latents, chosen = numbered.choose(
        loaded, count=config.num, seed=config.seed, label=label
    )
    if config.batch_stats:
        images = sampling.sample_with_batch_statistics(
            loaded.network, loaded.variables, latents, chosen
        )
    else:
        sampler = sampling.make_sampler(loaded.network)
        images = sampler(loaded.variables, latents, chosen)
    names, scale = labels.own_names(loaded.config), config.scale
    if config.numbered:
        images, scale = _write_numbers(images, scale), 1
    write_images(images, config.out, labels=chosen, names=names, scale=scale)
    classes = labels.describe_classes(label, loaded.config)
    print(f"{config.num} images in {config.out}{classes}")
    return 0


def write_images(
    images: "np.ndarray",
    out: Path,
    *,
    labels: "np.ndarray | None" = None,
    names: Sequence[str] | None = None,
    scale: int | None = None,
) -> None:
    """Write uint8 (count, height, width, channels) as a grid, array file or folder.

    A grid of several classes has one class a row, with the class's name beside it. An
    array file holds the labels too. Nothing is left half-written, since each form gets
    its name when it is complete.

    Args:
        images: the images to write.
        out: the file or folder.
        labels: (count,) int32, those of a conditional generator.
        names: the names of all classes, where they have any.
        scale: the dots that a pixel becomes; None: see `SampleConfig.scale`.

    Raises:
        InputError: if another process has filled the folder meanwhile.
    """
    import numpy as np

    out.parent.mkdir(parents=True, exist_ok=True)
    if formats.is_picture(out):
        _save_grid(images, out, labels, names, scale=scale)
        return
    if out.suffix.lower() == ".npz":
        with disk.replacing(out) as partial:
            if labels is None:
                np.savez_compressed(partial, images=images)
            else:
                np.savez_compressed(partial, images=images, labels=labels)
        return
    # An existing folder may be mounted, a link, or the one that we are in.
    inside = out.is_dir()
    side = out / ".images" if inside else out.with_name(f".{out.name}")
    with disk.exclusive(side.with_name(f"{side.name}.lock")):
        _refuse_full_folder(out)  # another process may have filled it
        partial = side.with_name(f"{side.name}.partial")
        _write_folder(images, out, partial=partial, scale=scale or 1)


def _write_numbers(images: "np.ndarray", scale: int | None) -> "np.ndarray":
    """Enlarge images, and write their numbers below them."""
    from dcgan_jax.pictures import captions, grid

    rows = math.isqrt(len(images))
    least = max(captions.LEAST_SIDE, math.ceil(grid.LEAST_SIDE / rows))
    numbers = [str(number) for number in range(len(images))]
    return captions.write_below(images, numbers, least_side=least, scale=scale)


def _save_grid(
    images: "np.ndarray",
    out: Path,
    labels: "np.ndarray | None",
    names: Sequence[str] | None,
    *,
    scale: int | None,
) -> None:
    """Lay images out: a class a row where there are several, with its name."""
    from dcgan_jax.pictures import captions, grid

    known = [] if labels is None else sorted(set(labels.tolist()))
    if labels is None or len(known) == 1:
        grid.save_picture(grid.make_grid(images), out, scale=scale)
        return
    arranged, columns = _arrange_classes(images, labels)
    picture = grid.make_grid(arranged, columns=columns)
    shown = {} if names is None else {number: names[number] for number in known}
    captions.save_with_names(picture, out, names=shown, scale=scale)


def _write_folder(
    images: "np.ndarray", out: Path, *, partial: Path, scale: int
) -> None:
    from dcgan_jax.pictures import grid

    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    try:
        partial.mkdir()
        for index, image in enumerate(images):
            grid.save_image(image, partial / f"{index:06d}.png", scale=scale)
        if out.is_dir():
            for path in sorted(partial.iterdir()):
                path.rename(out / path.name)
        else:
            partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _arrange_classes(
    images: "np.ndarray", labels: "np.ndarray"
) -> "tuple[np.ndarray, int]":
    """Put the images of each class into a row.

    Returns:
        The images, with white ones at the end of shorter rows, and the column count.
    """
    import numpy as np

    known, rows, counts = np.unique(labels, return_inverse=True, return_counts=True)
    columns = int(counts.max())
    order = np.argsort(rows, kind="stable")
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    places = rows[order] * columns + np.arange(len(order)) - begins
    arranged = np.full((len(known) * columns, *images.shape[1:]), 255, np.uint8)
    arranged[places] = images[order]
    return arranged, columns


def _check(config: SampleConfig) -> None:
    if config.batch_stats and config.num < 2:
        raise errors.InputError("--num=1; at least 2 images have batch statistics.")
    suffix = config.out.suffix.lower()
    if suffix not in ("", ".npz", *formats.SUFFIXES):
        raise errors.InputError(
            f"cannot write {config.out.suffix!r} files; give --out a name that ends in "
            f"{', '.join(formats.SUFFIXES)} or .npz, or a folder's name."
        )
    if config.numbered and config.batch_stats:
        raise errors.InputError(
            "--numbered is for samples as the stored statistics draw them; leave"
            " --numbered or --batch_stats out."
        )
    if config.numbered and suffix not in formats.SUFFIXES:
        raise errors.InputError(
            f"--numbered writes numbers into a picture, but --out={config.out} is none:"
            " the files of a folder and the rows of an .npz have these numbers already."
            f" Leave it out, or give a name that ends in {', '.join(formats.SUFFIXES)}."
        )
    if config.out.suffix == "":
        _refuse_full_folder(config.out)


def _refuse_full_folder(out: Path) -> None:
    found = out.iterdir() if out.is_dir() else ()
    # Hidden files are this command's own or those of systems.
    if any(not path.name.startswith(".") for path in found):
        raise errors.InputError(
            f"{out} is a folder with files in it; give --out a new name."
        )


if __name__ == "__main__":
    cli.run_main(main)
