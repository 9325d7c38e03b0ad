"""The forms in which a picture is written; the end of a file's name chooses one."""

from pathlib import Path

from dcgan_jax.system import errors

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
# Pixels of a side, by what libjpeg and libwebp can write.
_MOST_PIXELS = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}


def is_picture(path: Path) -> bool:
    """Tell whether a file's name is that of a picture, in letters of either case."""
    return path.suffix.lower() in SUFFIXES


def require_room(path: Path, *, height: int, width: int) -> None:
    """Raise an error for a picture that is larger than its form can hold.

    Args:
        path: the file to write.
        height: the picture's height in pixels.
        width: the picture's width in pixels.

    Raises:
        InputError: naming the form's limit and another form.
    """
    suffix = path.suffix.lower()
    most = _MOST_PIXELS.get(suffix)
    if most is not None and max(height, width) > most:
        raise errors.InputError(
            f"{path} would be {width:,} × {height:,} pixels, but a {suffix} has at most"
            f" {most:,} on a side; give a name that ends in .png."
        )
