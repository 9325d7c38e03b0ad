"""Set grids of three runs side by side: python experiments/readme/strip.py.

Equal squares side by side, one for each of the grids named below.
"""

import sys

import numpy as np
from PIL import Image

from dcgan_jax.pictures import grid
from experiments import results

GRIDS = ("training_digits", "training_faces64", "authors_svhn")
SIDE = 300
GAP = 8


def main() -> int:
    squares = []
    for name in GRIDS:
        picture = Image.open(results.FOLDER / f"{name}.png").convert("RGB")
        side = min(picture.size)
        square = picture.crop((0, 0, side, side))
        square = square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        squares.append(np.asarray(square))
    strip = grid.make_grid(np.stack(squares), columns=len(squares), gap=GAP)
    grid.save_image(strip, results.FOLDER / "strip.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
