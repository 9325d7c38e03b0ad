"""Which values of an array of images become black and white."""

from pathlib import Path

import numpy as np

from dcgan_jax.system import errors

_BLOCK_ROWS = 1024
_OVERSHOOT = 1e-3  # of floats beyond their range, left there by rounding and resizing
_NEGATIVE = -0.5  # floats in [-1, 1] reach below it: their images have dark pixels


def settle_range(
    array: np.ndarray, given: tuple[float, float] | None, *, where: Path
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Return the values that become black and white, and a note that says so.

    Args:
        array: the images, whose values are integers, truth values or floats.
        given: the two values that the user gave; None chooses them by the array.
        where: the file, for messages.

    Returns:
        The two values, and the note; None for the two of uint8, which stays as it is.

    Raises:
        InputError: if the array holds something else, or its range is ambiguous.
    """
    if array.dtype.kind not in "biuf":
        raise errors.InputError(
            f"{where} holds {array.dtype} values; expected uint8, uint16 or floats"
        )
    if array.dtype == np.uint8 and given is None:
        return None, ()
    low, high = _find_extremes(array)
    black, white = given or _find_range(array.dtype, low, high, where=where)
    return (black, white), (
        f"{array.dtype} values from {low:g} to {high:g}, of which {black:g} became"
        f" black and {white:g} white",
    )


def _find_range(
    dtype: np.dtype, low: float, high: float, *, where: Path
) -> tuple[float, float]:
    """Choose the values that become black and white.

    uint16: 0 and 65535; bool: 0 and 1; other integers, which must lie in 0 … 255: 0 and
    255. Floats in [0, 1], where resizing may have left them a thousandth beyond, are
    taken from there; those in [-1, 1] that reach below −0.5, from [-1, 1].
    """
    if dtype == np.uint16:
        return 0.0, 65535.0
    if dtype == np.bool_:
        return 0.0, 1.0
    if dtype.kind in "iu" and low >= 0 and high <= 255:
        return 0.0, 255.0
    if dtype.kind == "f" and high <= 1 + _OVERSHOOT:
        if low >= -_OVERSHOOT:
            return 0.0, 1.0
        if -1 - _OVERSHOOT <= low <= _NEGATIVE:
            return -1.0, 1.0
    raise errors.InputError(
        f"{where} holds {dtype} values from {low:g} to {high:g}; expected floats"
        " in [0, 1] or, with dark pixels below -0.5, in [-1, 1], or integers in"
        " 0 … 255. Say which values are black and white, as with --value_range=0,4095"
    )


def _find_extremes(array: np.ndarray) -> tuple[float, float]:
    """Return the smallest and largest finite value; 0 and 0 if there is none."""
    lows, highs = [], []
    for start in range(0, len(array), _BLOCK_ROWS):
        block = array[start : start + _BLOCK_ROWS]
        if array.dtype.kind == "f":
            block = block[np.isfinite(block)]
        if block.size:
            lows.append(float(block.min()))
            highs.append(float(block.max()))
    return min(lows, default=0.0), max(highs, default=0.0)
