"""Walk between random points of the latent space, as in Fig. 4.

The points are the first of the numbered samples of the same seed. A picture has a row
from each point to the next; a film (.gif, .mp4) goes through all of them.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from dcgan_jax import cli
from dcgan_jax.config import Scale
from dcgan_jax.latent import flags
from dcgan_jax.latent.flags import Findings, GeneratorFlags
from dcgan_jax.pictures import formats
from dcgan_jax.system import errors
from dcgan_jax.system.marks import Bounds

if TYPE_CHECKING:
    import numpy as np

    from dcgan_jax.latent.paths import Transitions

MAX_IMAGES = 5000  # of 64 × 64 pixels, a minute on two CPU cores
MAX_FPS = 50.0  # of a GIF
_IMAGES = Bounds(at_least=2, at_most=MAX_IMAGES)  # neighbours are compared


@dataclasses.dataclass(frozen=True)
class WalkConfig(GeneratorFlags):
    """Walk between random points of the latent space (§6.1, Fig. 4).

    Examples:
        dcgan latent walk runs/faces
        dcgan latent walk runs/faces --points=5 --closed --out=walk.gif
        dcgan latent walk authors_svhn --interpolation=spherical --json=walk.json
    """

    points: Annotated[int, _IMAGES] = 9
    """The number of random points on the way; it is 9 in Fig. 4."""
    steps: Annotated[int, _IMAGES] = 9
    """The number of steps from a point to the next; a row shows one image more."""
    interpolation: Literal["linear", "spherical"] = "linear"
    """A `linear` way is straight, and stays inside the cube of uniform latents; a
    `spherical` way keeps the distance from 0 at which samples lie, for normal
    latents."""
    closed: bool = False
    """The walk goes back from the last point to the first, so that a film repeats
    evenly."""
    seed: int = 0
    """The seed of the points."""
    out: Path = Path("paths.png")
    """What is written: a picture (.png, .jpg, .webp) or a film (.gif, .mp4)."""
    scale: Scale = None
    """The dots that a pixel becomes on each side. Without this flag they are so many
    that the shorter side of the picture or film has 512 at least."""
    fps: Annotated[float, Bounds(above=0, at_most=MAX_FPS)] = 12.0
    """The number of images that a film shows in a second."""


def parse(argv: Sequence[str]) -> WalkConfig:
    """Read the command's flags."""
    return cli.parse(WalkConfig, argv, command="latent walk")


def main(argv: Sequence[str]) -> int:
    """Walk as the flags describe; return the exit code."""
    config = parse(argv)
    check(config)

    cli.start()
    found = run(config, outs=[config.out])
    flags.report(
        found,
        config.json,
        what="how evenly the images of a walk in the latent space change",
        argv=["walk", *argv],
        seed=config.seed,
    )
    return 0


def check(config: WalkConfig) -> None:
    """Raise an error at once for flags that cannot be meant.

    Raises:
        InputError: naming the flag, its value and what was expected.
    """
    if config.points * (config.steps + 1) > MAX_IMAGES:
        raise errors.InputError(
            f"--points={config.points} --steps={config.steps} make more than "
            f"{MAX_IMAGES:,} images; choose fewer."
        )
    cli.check_suffix(config.out, "out", *formats.SUFFIXES, ".gif", ".mp4")
    cli.check_suffix(config.json, "json", ".json")
    if not formats.is_picture(config.out):
        from dcgan_jax.pictures import animation

        animation.check_path(config.out)


def run(config: WalkConfig, *, outs: Sequence[Path]) -> Findings:
    """Walk, draw it and measure how evenly the images change.

    Args:
        config: what to walk.
        outs: pictures and films to write.

    Raises:
        InputError: if there is no generator, or the label does not suit it.
    """
    from dcgan_jax.latent import paths
    from dcgan_jax.sample import numbered as generators

    generator = generators.open_generator(
        config.run,
        weights_dir=config.weights_dir,
        step=config.step,
        seed=config.seed,
        label=config.label,
        ema=config.ema,
    )
    latents = paths.walk(
        generator.latents(config.points),
        num_steps=config.steps,
        interpolation=config.interpolation,
        closed=config.closed,
    )
    images = generator.draw(latents)
    transitions = paths.measure_transitions(images)
    for out in outs:
        out.parent.mkdir(parents=True, exist_ok=True)
        _write(images, out, config)
    told = ", ".join(str(out) for out in outs)
    numbers = {
        "run": flags.name_run(config.run),
        "step": generator.loaded.step,
        "ema": config.ema,
        "label": generator.label,
        "class_name": generator.class_name,
        "points": config.points,
        "steps": config.steps,
        "interpolation": config.interpolation,
        "closed": config.closed,
        "largest_step_by_median": flags.finite(transitions.overall),
        "largest_step_by_median_by_row": [flags.finite(x) for x in transitions.by_row],
        "median_step_grey_levels": transitions.median,
    }
    return Findings(f"{_describe(transitions)}\n{told}", numbers, _PROTOCOL)


_PROTOCOL = (
    "a step is the root mean square difference of neighbouring images; the largest "
    "divided by the median, of all steps and of each row (null where it is infinite "
    "or all images of a row are one); stored batch statistics"
)


def _write(images: "np.ndarray", out: Path, config: WalkConfig) -> None:
    from dcgan_jax.latent import paths
    from dcgan_jax.pictures import animation, grid

    if formats.is_picture(out):
        rows, columns = images.shape[:2]
        flat = images.reshape(rows * columns, *images.shape[2:])
        picture = grid.make_grid(flat, columns=columns)
        grid.save_picture(picture, out, scale=config.scale)
        return
    frames = paths.join_segments(images, closed=config.closed)
    frames = grid.magnify(frames, grid.find_scale(frames[0], config.scale))
    animation.save_animation(frames, out, frames_per_second=config.fps)


def _describe(transitions: "Transitions") -> str:
    lines = [
        f"row {row}: largest step {_show(value)}"
        for row, value in enumerate(transitions.by_row, start=1)
    ]
    lines.append(
        f"all: largest step {_show(transitions.overall)} of {transitions.median:.1f} "
        "grey levels (1: even; that of a jump grows with --steps)"
    )
    return "\n".join(lines)


def _show(value: float) -> str:
    return "no change" if math.isnan(value) else f"{value:.2f} times the median"
