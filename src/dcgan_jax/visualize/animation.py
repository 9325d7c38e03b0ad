"""Moving pictures: frames → GIF (Pillow) or MP4 (OpenCV)."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dcgan_jax import disk, errors

SUFFIXES = (".gif", ".mp4")
# Fewer colours make smaller files; photographs of a few hundred pixels bear it.
_NUM_COLOURS = 128
# Programs that show GIFs slow down what is faster.
MAX_GIF_FRAMES_PER_SECOND = 50.0
# VP9, which browsers show, and MPEG-4 for builds of OpenCV without it.
_CODECS = ("vp09", "mp4v")


def check_path(path: Path) -> None:
    """Raise an error for a name that no animation can be written under.

    Raises:
        InputError: if its suffix is another than .gif or .mp4, or OpenCV is missing,
            which writes the latter.
    """
    if path.suffix not in SUFFIXES:
        raise errors.InputError(
            f"cannot write {path.suffix!r} films ({path}); give --out a name that ends"
            f" in {' or '.join(SUFFIXES)}."
        )
    if path.suffix == ".mp4" and importlib.util.find_spec("cv2") is None:
        raise errors.InputError(
            f"{path} needs OpenCV, which is not installed: pip install"
            " 'dcgan-jax[faces]', or give --out a name that ends in .gif."
        )


def save_animation(
    frames: Sequence[np.ndarray], path: Path, *, frames_per_second: float
) -> None:
    """Write frames as an endless GIF or as an MP4, whole or not at all.

    Args:
        frames: uint8 (height, width, channels), all of one shape, channels 1 or 3; two
            at least.
        path: .gif or .mp4.
        frames_per_second: of a GIF at most 50; its delays are whole centiseconds.

    Raises:
        InputError: if the suffix is another one, or OpenCV is missing.
        ValueError: if there are fewer than two frames, or their shapes differ.
    """
    check_path(path)
    shapes = {frame.shape for frame in frames}
    if len(frames) < 2 or len(shapes) != 1:
        raise ValueError(
            f"{len(frames)} frames of the shapes {sorted(shapes)}; expected two at"
            " least, all of one shape"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write = _write_gif if path.suffix == ".gif" else _write_mp4
    with disk.replacing(path) as partial:
        write(frames, partial, frames_per_second)


def shrink(frame: np.ndarray, *, max_width: int) -> np.ndarray:
    """Scale a picture down to a width in pixels; a narrower one stays as it is."""
    height, width, channels = frame.shape
    if width <= max_width:
        return frame
    size = max_width, max(1, round(height * max_width / width))
    resized = _to_image(frame).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(resized).reshape(size[1], size[0], channels)


def _to_image(frame: np.ndarray) -> Image.Image:
    return Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame)


def _write_gif(
    frames: Sequence[np.ndarray], path: Path, frames_per_second: float
) -> None:
    # Each frame has colours of its own: those of a run change as it learns.
    images = [
        _to_image(frame).quantize(_NUM_COLOURS, dither=Image.Dither.NONE)
        for frame in frames
    ]
    rate = min(frames_per_second, MAX_GIF_FRAMES_PER_SECOND)
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=10 * round(100 / rate),  # milliseconds
        loop=0,
    )


def _write_mp4(
    frames: Sequence[np.ndarray], path: Path, frames_per_second: float
) -> None:
    import cv2

    height, width, _ = frames[0].shape
    padding = ((0, height % 2), (0, width % 2), (0, 0))  # codecs want even sides
    size = width + width % 2, height + height % 2
    writer = _open_writer(cv2, path, frames_per_second, size)
    try:
        for frame in frames:
            colours = np.broadcast_to(frame, (height, width, 3))
            whole = np.pad(colours, padding, mode="edge")
            writer.write(np.ascontiguousarray(whole[..., ::-1]))  # blue comes first
    finally:
        writer.release()


def _open_writer(
    cv2: Any, path: Path, frames_per_second: float, size: tuple[int, int]
) -> Any:
    for codec in _CODECS:
        code = cv2.VideoWriter_fourcc(*codec)
        writer = cv2.VideoWriter(str(path), code, frames_per_second, size)
        if writer.isOpened():
            return writer
    raise errors.InputError(
        f"OpenCV {cv2.__version__} has no encoder for {path.name} ({', '.join(_CODECS)}"
        " were tried); give --out a name that ends in .gif."
    )
