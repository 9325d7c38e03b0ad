import importlib.util

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.pictures import animation
from dcgan_jax.system import errors

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
FRAMES = np.broadcast_to(COLOURS[:, None, None], (3, 33, 31, 3))


def test_a_gif_holds_the_frames_at_the_asked_speed_and_repeats(tmp_path):
    path = tmp_path / "film.gif"
    animation.save_animation(FRAMES, path, frames_per_second=12)
    with Image.open(path) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (3, (31, 33), 0)
        for number, colour in enumerate(COLOURS):
            film.seek(number)
            assert film.info["duration"] == 80
            assert film.convert("RGB").getpixel((5, 5)) == tuple(colour)


@pytest.mark.parametrize("name", ["film.GIF", "film.MP4"])
def test_a_film_s_name_may_end_in_capitals(name, tmp_path):
    if name.endswith("MP4"):
        pytest.importorskip("cv2")
    animation.save_animation(FRAMES, tmp_path / name, frames_per_second=9)
    magic = b"GIF8" if name.endswith("GIF") else b"ftyp"
    assert magic in (tmp_path / name).read_bytes()[:12]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_grey_frames_make_a_gif(tmp_path):
    frames = np.array([0, 200], np.uint8)[:, None, None, None] + np.zeros(
        (1, 8, 8, 1), np.uint8
    )
    animation.save_animation(frames, tmp_path / "film.gif", frames_per_second=5)
    with Image.open(tmp_path / "film.gif") as film:
        film.seek(1)
        assert film.convert("L").getpixel((0, 0)) == 200


@pytest.fixture(params=["imageio_ffmpeg", "cv2"])
def writer(request, monkeypatch):
    """Leave one of the packages that write MP4, as if the other were not installed."""
    pytest.importorskip(request.param, reason="writes MP4")
    hidden = {"imageio_ffmpeg", "cv2"} - {request.param}
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in hidden else find(name)
    )
    return request.param


def test_an_mp4_holds_the_frames_with_even_sides(writer, tmp_path):
    cv2 = pytest.importorskip("cv2", reason="reads the film back")
    path = tmp_path / "film.mp4"
    animation.save_animation(FRAMES.repeat(4, 0), path, frames_per_second=12)
    film = cv2.VideoCapture(str(path))
    frames = []
    while (found := film.read())[0]:
        frames.append(found[1][..., ::-1])
    assert len(frames) == 12
    assert frames[0].shape == (34, 32, 3)
    assert film.get(cv2.CAP_PROP_FPS) == 12
    for number, colour in enumerate(COLOURS):
        centre = frames[4 * number + 3][16, 16].astype(int)
        assert np.abs(centre - colour).max() < 40  # the codec loses a little
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize("writer", ["imageio_ffmpeg"], indirect=True)
def test_an_mp4_by_ffmpeg_is_h264_that_every_player_takes(writer, tmp_path):
    path = tmp_path / "film.mp4"
    animation.save_animation(FRAMES, path, frames_per_second=12)
    content = path.read_bytes()
    # The index lies before the pictures.
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    assert b"avc1" in content
    # ISO 14496-15, 5.3.3.1.2: the profile follows a byte of version. Baseline, Main
    # and High have colours at half the resolution.
    assert content[content.index(b"avcC") + 5] in (66, 77, 100)


def test_where_ffmpeg_s_package_brings_no_program_opencv_writes(tmp_path, monkeypatch):
    pytest.importorskip("cv2")
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")

    def fail():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", fail)
    animation.save_animation(FRAMES, tmp_path / "film.mp4", frames_per_second=12)
    assert b"avc1" not in (tmp_path / "film.mp4").read_bytes()


def test_without_a_package_for_mp4_the_error_says_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.InputError, match="pip install imageio-ffmpeg"):
        animation.save_animation(FRAMES, tmp_path / "a.mp4", frames_per_second=9)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "count", "speed", "told"),
    [
        ("film.webp", 3, 9, "'.webp'"),
        ("film.gif", 1, 9, "1 frames make no film"),
        ("film.gif", 3, 0, "more than 0"),
        ("film.gif", 3, float("nan"), "nan frames"),
        ("film.gif", 3, 100, "at most 50"),
    ],
)
def test_what_makes_no_film_is_refused(name, count, speed, told, tmp_path):
    with pytest.raises(errors.InputError, match=told):
        animation.save_animation(
            FRAMES[:count], tmp_path / name, frames_per_second=speed
        )
    assert not list(tmp_path.iterdir())


def test_frames_of_two_sizes_are_refused(tmp_path):
    frames = [FRAMES[0], FRAMES[0, :8]]
    with pytest.raises(errors.InputError, match="differ in size"):
        animation.save_animation(frames, tmp_path / "f.gif", frames_per_second=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_wide_picture_is_scaled_down_and_a_narrow_one_is_not(channels):
    frame = np.full((40, 100, channels), 9, np.uint8)
    assert animation.shrink(frame, max_width=50).shape == (20, 50, channels)
    assert animation.shrink(frame, max_width=100) is frame
