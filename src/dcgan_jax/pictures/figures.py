"""Figures by matplotlib that look the same whatever its user has set."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A backend that is not installed would end the import.
_VARIABLES = ("MPLBACKEND", "MATPLOTLIBRC")


@contextlib.contextmanager
def open_figure(width: float, height: float) -> Iterator["Figure"]:
    """Yield a figure to draw on and to save, within the block, as PNG.

    Args:
        width: the width in inches.
        height: the height in inches.
    """
    kept = {name: os.environ.pop(name) for name in _VARIABLES if name in os.environ}
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    finally:
        os.environ.update(kept)
    with mpl.rc_context():
        mpl.rcdefaults()
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
