"""Pictures with a row for each variant of an experiment."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from dcgan_jax.pictures import grid

LABEL_WIDTH, GAP = 160, 20  # dots


def draw(rows: Mapping[str, Sequence[np.ndarray]], *, columns: int) -> np.ndarray:
    """Draw a row for each name, which stands on its left.

    Args:
        rows: name → its groups of images, uint8 (count, height, width, 3) each, which
            stand beside each other.
        columns: places in a group.
    """
    parts = []
    for groups in rows.values():
        margins = [LABEL_WIDTH, *[GAP] * (len(groups) - 1)]
        blocks = [
            np.pad(
                grid.make_grid(images, columns=columns),
                ((2, 2), (margin, 0), (0, 0)),
                constant_values=255,
            )
            for images, margin in zip(groups, margins, strict=True)
        ]
        parts.append(np.concatenate(blocks, axis=1))
    image = Image.fromarray(np.concatenate(parts))
    pen, height = ImageDraw.Draw(image), image.height // len(parts)
    for index, name in enumerate(rows):
        pen.text((2, index * height + height // 3), name, fill=(0, 0, 0))
    return np.asarray(image)
