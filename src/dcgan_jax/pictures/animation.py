"""Films: GIF by Pillow, MP4 by imageio-ffmpeg or OpenCV where one is installed.

The program that imageio-ffmpeg brings writes H.264, which every player takes. OpenCV's
builds have no encoder of it, and write VP9, which browsers play and some players do
not.
"""

import importlib.util
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dcgan_jax.system import disk, errors

SUFFIXES = (".gif", ".mp4")
# Programs that show GIFs slow faster ones down.
MAX_FRAMES_PER_SECOND = 50.0
# Fewer colours make smaller files; photographs of a few hundred pixels bear it.
_NUM_COLOURS = 128
# H.264 as every player takes it: colours at half the resolution (yuv420p), and the
# index at the beginning (faststart), so that a page plays it while it comes. 18 is a
# quality at which no loss is seen.
_H264 = (
    "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart",
)  # fmt: skip
# OpenCV writes VP9, or MPEG-4 in builds without it.
_CODECS = ("vp09", "mp4v")


def check_path(path: Path) -> None:
    """Raise an error if no film can be written under a name.

    Raises:
        InputError: if the suffix is not a film's, or MP4 needs a package that is not
            installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise errors.InputError(
            f"cannot write a film as {path.suffix!r}; give a name that ends in "
            f"{' or '.join(SUFFIXES)}."
        )
    if path.suffix.lower() == ".mp4" and not (_has_ffmpeg() or _is_installed("cv2")):
        raise errors.InputError(
            f"{path} needs a package that writes MP4: run pip install imageio-ffmpeg, "
            "which is the extra [video]; a .gif needs none."
        )


def save_animation(
    frames: Sequence[np.ndarray] | np.ndarray,
    path: Path,
    *,
    frames_per_second: float,
) -> None:
    """Write a film that repeats for ever (.gif) or plays once (.mp4).

    Args:
        frames: uint8 (height, width, channels) each, channels 1 or 3, all of one size.
        path: the film's file, which ends in .gif or .mp4.
        frames_per_second: above 0, at most 50; a GIF rounds a frame's time to 10 ms.

    Raises:
        InputError: if there are fewer than two frames, they differ in size, or no film
            can be written under this name.
    """
    check_path(path)
    if len(frames) < 2:
        raise errors.InputError(f"{len(frames)} frames make no film; at least 2 do.")
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        raise errors.InputError(f"the frames differ in size: {sorted(sizes)}.")
    if not 0 < frames_per_second <= MAX_FRAMES_PER_SECOND:
        raise errors.InputError(
            f"the film has {frames_per_second} frames per second, expected more than 0 "
            f"and at most {MAX_FRAMES_PER_SECOND:g}."
        )
    with disk.replacing(path) as partial:
        if path.suffix.lower() == ".gif":
            _save_gif(frames, partial, frames_per_second)
        elif _has_ffmpeg():
            _save_by_ffmpeg(frames, partial, frames_per_second)
        else:
            _save_by_opencv(frames, partial, frames_per_second)


def shrink(frame: np.ndarray, *, max_width: int) -> np.ndarray:
    """Scale a picture down to a width in pixels; a narrower one stays as it is."""
    height, width, channels = frame.shape
    if width <= max_width:
        return frame
    image = Image.fromarray(frame[..., 0] if channels == 1 else frame)
    size = max_width, max(1, round(height * max_width / width))
    resized = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(resized).reshape(size[1], size[0], channels)


def _save_gif(
    frames: Sequence[np.ndarray] | np.ndarray, path: Path, frames_per_second: float
) -> None:
    pictures = [
        # Every frame has colours of its own; dithering would flicker.
        Image.fromarray(frame).quantize(_NUM_COLOURS, dither=Image.Dither.NONE)
        for frame in map(_to_colour, frames)
    ]
    pictures[0].save(
        path,
        save_all=True,
        append_images=pictures[1:],
        duration=10 * round(100 / frames_per_second),
        loop=0,
    )


def _save_by_ffmpeg(
    frames: Sequence[np.ndarray] | np.ndarray, path: Path, frames_per_second: float
) -> None:
    import imageio_ffmpeg

    even = [_make_even(frame) for frame in frames]
    height, width, _ = even[0].shape
    program = imageio_ffmpeg.get_ffmpeg_exe()
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {frames_per_second} -i -"
    # Not by imageio_ffmpeg.write_frames, which forks beside JAX's threads.
    ended = subprocess.run(
        [program, "-y", "-loglevel", "error", *raw.split(), *_H264, str(path)],
        input=b"".join(frame.tobytes() for frame in even),
        stderr=subprocess.PIPE,
        check=False,
    )
    if ended.returncode != 0:
        told = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise OSError(f"{path} could not be written: {' '.join(told) or program}")


def _save_by_opencv(
    frames: Sequence[np.ndarray] | np.ndarray, path: Path, frames_per_second: float
) -> None:
    import cv2

    even = [_make_even(frame) for frame in frames]
    height, width, _ = even[0].shape
    for codec in _CODECS:
        code = cv2.VideoWriter.fourcc(*codec)
        writer = cv2.VideoWriter(str(path), code, frames_per_second, (width, height))
        if writer.isOpened():
            break
    else:
        raise errors.InputError(
            f"OpenCV {cv2.__version__} has no encoder for {path.suffix}; run pip "
            "install imageio-ffmpeg, or write a .gif."
        )
    try:
        for frame in even:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))  # blue comes first
    finally:
        writer.release()


def _to_colour(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3)))


def _make_even(frame: np.ndarray) -> np.ndarray:
    """Repeat the last row or column where their number is odd: codecs halve colours."""
    height, width, _ = frame.shape
    rest = ((0, height % 2), (0, width % 2), (0, 0))
    return np.pad(_to_colour(frame), rest, mode="edge")


def _has_ffmpeg() -> bool:
    """Tell whether imageio-ffmpeg is there with the program that it is made for."""
    if not _is_installed("imageio_ffmpeg"):
        return False
    import imageio_ffmpeg

    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:  # on systems for which it brings none
        return False
    return True


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
