"""Make a film of a run's samples as it learns."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dcgan_jax import cli
from dcgan_jax.config import Scale
from dcgan_jax.system import errors, memory
from dcgan_jax.system.marks import Bounds

if TYPE_CHECKING:
    import numpy as np

_HOLD_SECONDS = 1.0  # how long the last grid stays
_LETTERS = 16
MAX_FRAMES = 30_000  # of 600 seconds


@dataclasses.dataclass(frozen=True)
class FilmConfig:
    """Make a film of the grids of fixed latents that a run has drawn.

    Examples:
        dcgan visualize film runs/faces
        dcgan visualize film runs/faces --seconds=20 --out=faces.mp4
        dcgan visualize film runs/faces --ema --max_width=320
    """

    run: cli.RunFolder
    """A run's folder."""
    ema: bool = False
    """The average of the generator is shown, which --ema_decay has kept."""
    out: Path = Path("film.gif")
    """The film: .gif, or .mp4, which needs the extra [video]."""
    seconds: Annotated[float, Bounds(above=0, at_most=600)] = 8.0
    """The length of the film, in seconds."""
    max_frames: Annotated[int, Bounds(at_least=2, at_most=MAX_FRAMES)] = 60
    """The film has at most so many frames. Of more grids, so many are taken at even
    distances, the first and the last among them."""
    scale: Scale = None
    """The dots that a pixel of the grids becomes on each side. Without this flag they
    are so many that the shorter side has 512 at least."""
    max_width: Annotated[int, Bounds(at_least=64, at_most=16_384)] = 720
    """Frames that would be wider than this, in dots, are scaled down to it."""


def parse(argv: Sequence[str]) -> FilmConfig:
    """Read the command's flags."""
    return cli.parse(FilmConfig, argv, command="visualize film")


def main(argv: Sequence[str]) -> int:
    """Make the film that the flags describe; return the exit code."""
    config = parse(argv)
    from dcgan_jax.pictures import animation
    from dcgan_jax.system import progress

    animation.check_path(config.out)
    grids = choose_grids(list_grids(config.run, ema=config.ema), most=config.max_frames)
    frames = []
    with progress.track("reading grids", len(grids), unit="grids") as advance:
        for step, path in grids:
            frames.append(
                make_frame(step, path, scale=config.scale, max_width=config.max_width)
            )
            advance(1)
            if len(frames) == 1:  # the others are as large, and one more is shrunk
                size = (len(grids) + 1) * frames[0].nbytes
                memory.require_memory(size, what=f"{len(grids)} frames")
    _check_sizes(config.run, [frame.shape for frame in frames])
    rate = min(len(frames) / config.seconds, animation.MAX_FRAMES_PER_SECOND)
    frames += frames[-1:] * round(_HOLD_SECONDS * rate)
    animation.save_animation(frames, config.out, frames_per_second=rate)
    first, last = grids[0][0], grids[-1][0]
    print(f"{len(grids)} grids, steps {first} to {last}, in {config.out}")
    return 0


def list_grids(run: Path, *, ema: bool = False) -> list[tuple[int, Path]]:
    """Return the steps and files of a run's grids, in order.

    Args:
        run: its folder.
        ema: take those of the generator's average.

    Raises:
        MissingInputError: if there is no run, or it has no grids.
        InputError: if it has a single one, of which no film can be made.
    """
    from dcgan_jax.runs import folder as run_dir

    run_dir.read_config(run)  # or it is no run
    folder = run / run_dir.SAMPLES
    name = "ema_" * ema + "step_"
    pattern = re.compile(rf"{name}(\d+)\.png")
    matches = [(pattern.fullmatch(path.name), path) for path in folder.glob("*.png")]
    grids = sorted((int(match.group(1)), path) for match, path in matches if match)
    if not grids:
        raise errors.MissingInputError(
            f"{folder} has no grids, {name}….png, which training writes there"
            f"{' with --ema_decay' * ema}; train first."
        )
    if len(grids) == 1:
        raise errors.InputError(
            f"{folder} has a single grid, {grids[0][1].name}; a film needs two at"
            " least. Train on, or with a smaller --sample_every_steps."
        )
    return grids


def choose_grids(grids: list[tuple[int, Path]], *, most: int) -> list[tuple[int, Path]]:
    """Take grids at even distances, the first and the last among them."""
    count = min(len(grids), most)
    return [grids[i * (len(grids) - 1) // (count - 1)] for i in range(count)]


def make_frame(
    step: int, path: Path, *, scale: int | None = None, max_width: int
) -> "np.ndarray":
    """Return a grid, at most so many dots wide, with its step above it.

    Raises:
        InputError: if the file cannot be read.
    """
    from dcgan_jax.pictures import animation, captions, grid

    try:
        pixels = grid.read_picture(path)
    except OSError as error:
        raise errors.InputError(
            f"{path} cannot be read ({error}); delete it to go on without it."
        ) from None
    frame = grid.magnify(pixels, grid.find_scale(pixels, scale))
    frame = animation.shrink(frame, max_width=max_width)
    return captions.add_heading(frame, f"step {step:,}", size=_LETTERS)


def _check_sizes(run: Path, shapes: list[tuple[int, ...]]) -> None:
    if len(set(shapes)) > 1:
        raise errors.InputError(
            f"the grids of {run} differ in size ({sorted(set(shapes))}); leave those of"
            " one size in its folder of samples."
        )
