"""Find the latent whose image is nearest to a picture of your own."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from dcgan_jax import cli
from dcgan_jax.config import Scale
from dcgan_jax.latent import flags
from dcgan_jax.system import errors
from dcgan_jax.system.marks import Bounds


@dataclasses.dataclass(frozen=True)
class InvertConfig(cli.RunFlags):
    """Find the latent whose image is nearest to a picture of your own.

    Gradient descent compares the pixels and the discriminator's features.

    Examples:
        dcgan latent invert runs/faces --image=me.png
        dcgan latent invert runs/faces --image=me.png --out=me.json --picture=both.png
        dcgan latent invert runs/digits --image=seven.png --steps=1000
    """

    image: Path
    """The picture. Its centre square is taken, at the size that the generator draws."""
    label: str | None = None
    """The class to draw, by its name or its number, which a conditional generator
    needs."""
    steps: Annotated[int, Bounds(at_least=1, at_most=100_000)] = 400
    """The number of steps of the descent."""
    seed: int = 0
    """The seed of the samples from which the descent starts."""
    out: Path = Path("latent.json")
    """The file that the latent is written into, which the explorer opens too."""
    picture: Path | None = None
    """The picture and the image of its latent are drawn side by side into this file."""
    scale: Scale = None
    """The dots that a pixel of --picture becomes on each side. Without this flag they
    are so many that its shorter side has 512 at least."""


def parse(argv: Sequence[str]) -> InvertConfig:
    """Read the command's flags."""
    return cli.parse(InvertConfig, argv, command="latent invert")


def main(argv: Sequence[str]) -> int:
    """Search as the flags describe; return the exit code."""
    config = parse(argv)
    check(config)

    cli.start()
    print(run(config))
    return 0


def check(config: InvertConfig) -> None:
    """Raise an error at once for flags that cannot be meant.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    if not config.image.is_file():
        raise errors.MissingInputError(
            f"--image={config.image}: there is no such file; give a picture."
        )
    cli.check_suffix(config.out, "out", ".json")
    cli.check_suffix(config.picture, "picture", ".png")


def run(config: InvertConfig) -> str:
    """Search, write the files, and return lines for people.

    Raises:
        InputError: if there is no generator, the label does not suit it, or the file is
            no picture.
    """
    import numpy as np

    from dcgan_jax.latent import latent_file, nearest_latent
    from dcgan_jax.pictures import grid
    from dcgan_jax.runs import load as loading
    from dcgan_jax.sample import numbered

    generator = numbered.open_generator(
        config.run,
        weights_dir=config.weights_dir,
        step=config.step,
        seed=config.seed,
        label=config.label,
        ema=config.ema,
    )
    image = nearest_latent.read_image(config.image, generator.loaded)
    told = []
    try:
        discriminator = loading.load_discriminator(
            config.run, weights_dir=config.weights_dir, step=generator.loaded.step
        )
    except errors.InputError as error:
        discriminator = None
        told.append(f"the pixels alone were compared: {error}")
    *_, found = nearest_latent.seek(
        generator, discriminator, image, num_steps=config.steps
    )
    about = nearest_latent.describe_file(
        found, generator, flags.name_run(config.run), config.image.name
    )
    latent_file.save_latent(about, config.out)
    told.append(
        f"latent    {config.out}\n"
        f"pixels    {100 * found.pixel_error:.1f} % of the range away, root mean square"
    )
    if config.picture is not None:
        both = grid.make_grid(np.stack([image, found.image]), columns=2)
        config.picture.parent.mkdir(parents=True, exist_ok=True)
        grid.save_picture(both, config.picture, scale=config.scale)
        told.append(f"picture   {config.picture}")
    return "\n".join(told)
