"""A run's log and its grids of samples, while it trains or later."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from dcgan_jax.explore import encoding
from dcgan_jax.pictures import animation, curves
from dcgan_jax.runs import folder as run_dir
from dcgan_jax.system import errors
from dcgan_jax.visualize import film

MAX_FRAMES = 60
_MAX_WIDTH = 640  # pixels of a frame


class Progress(NamedTuple):
    """The progress of a run.

    Attributes:
        step: the step of the log's last row; 0 if it has no rows.
        num_rows: the number of the log's rows.
        steps: the steps of the grids, at even distances if there are many.
    """

    step: int
    num_rows: int
    steps: tuple[int, ...]


def read_progress(run: Path) -> Progress:
    """Read how far a run has come."""
    rows = run_dir.read_metrics(run)
    try:
        grids = film.choose_grids(film.list_grids(run), most=MAX_FRAMES)
    except errors.InputError:  # fewer than two
        grids = []
    step = int(rows[-1]["step"]) if rows else 0
    return Progress(step, len(rows), tuple(step for step, _ in grids))


def draw_log(run: Path, *, stacked: bool = False) -> str | None:
    """Return the curves of the log as a picture's address; None without a log.

    Args:
        run: its folder.
        stacked: whether the panels stand below each other.
    """
    rows = run_dir.read_metrics(run)
    if not rows:
        return None
    buffer = io.BytesIO()
    curves.draw_curves(rows, buffer, stacked=stacked)
    return encoding.to_png_url(buffer.getvalue())


def read_frame(run: Path, step: int) -> str:
    """Return a grid of a run's samples as a picture's address.

    Args:
        run: its folder.
        step: the step at which it was drawn.

    Raises:
        InputError: if there is no such grid.
    """
    for found, path in film.list_grids(run):
        if found == step:
            with Image.open(path) as picture:
                pixels = np.atleast_3d(np.asarray(picture))
            return encoding.to_url(animation.shrink(pixels, max_width=_MAX_WIDTH))
    raise errors.InputError(f"{run} has no grid of step {step}.")
