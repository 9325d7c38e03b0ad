import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_jax import errors
from dcgan_jax.visualize import animation

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
COLOURS = [RED, GREEN, BLUE]


def filled(colour, size=(32, 48)):
    return np.broadcast_to(np.array(colour, np.uint8), (*size, len(colour)))


def read_gif(path):
    with Image.open(path) as film:
        for index in range(film.n_frames):
            film.seek(index)
            yield np.asarray(film.convert("RGB")), film.info["duration"]


def test_a_gif_shows_the_frames_in_order_for_their_time(tmp_path):
    path = tmp_path / "film.gif"
    frames = [filled(colour) for colour in COLOURS]
    animation.save_animation(frames, path, frames_per_second=4)
    found = list(read_gif(path))
    for (pixels, milliseconds), frame in zip(found, frames, strict=True):
        np.testing.assert_array_equal(pixels, frame)
        assert milliseconds == 250
    with Image.open(path) as film:
        assert film.info["loop"] == 0


def test_grey_frames_stay_grey(tmp_path):
    frames = [filled([value]) for value in (10, 200)]
    animation.save_animation(frames, tmp_path / "a.gif", frames_per_second=1)
    values = [np.unique(pixels).tolist() for pixels, _ in read_gif(tmp_path / "a.gif")]
    assert values == [[10], [200]]


@pytest.mark.parametrize("size", [(32, 48), (33, 47)], ids=["even", "odd"])
def test_an_mp4_shows_the_frames_in_order(size, tmp_path):
    cv2 = pytest.importorskip("cv2", reason="needs the extra [faces]")
    path = tmp_path / "film.mp4"
    frames = [filled(colour, size) for colour in COLOURS]
    animation.save_animation(frames, path, frames_per_second=4)
    film = cv2.VideoCapture(str(path))
    assert film.get(cv2.CAP_PROP_FPS) == 4
    for colour in COLOURS:
        there, pixels = film.read()
        assert there
        assert pixels.shape[:2] == (32 + size[0] % 2 * 2, 48)
        middle = pixels[16, 24, ::-1].astype(int)
        assert np.abs(middle - colour).max() < 40
    assert not film.read()[0]


def test_an_unknown_suffix_is_told():
    with pytest.raises(errors.InputError, match=r"'\.avi'.*\.gif or \.mp4"):
        animation.check_path(Path("film.avi"))


def test_an_mp4_without_opencv_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.InputError, match=r"pip install 'dcgan-jax\[faces\]'"):
        animation.check_path(Path("film.mp4"))


@pytest.mark.parametrize(
    "frames", [[filled(RED)], [], [filled(RED), filled(RED, (8, 8))]]
)
def test_what_is_no_film_is_refused_and_leaves_nothing(frames, tmp_path):
    with pytest.raises(ValueError, match="two at least, all of one shape"):
        animation.save_animation(frames, tmp_path / "f.gif", frames_per_second=1)
    assert not list(tmp_path.iterdir())


def test_a_wide_picture_is_scaled_down_and_a_narrow_one_is_not():
    assert animation.shrink(filled(RED, (40, 100)), max_width=50).shape == (20, 50, 3)
    assert animation.shrink(filled([9], (40, 100)), max_width=50).shape == (20, 50, 1)
    narrow = filled(RED, (40, 50))
    assert animation.shrink(narrow, max_width=50) is narrow
