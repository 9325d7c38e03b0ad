import io
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from dcgan_jax.prepare.faces import detect as faces
from dcgan_jax.system import errors


def squares(*values: tuple[int, int, int]) -> np.ndarray:
    return np.array(values, np.int64).reshape(-1, 3)


def test_common_areas_are_those_of_hand_made_squares():
    one = squares((0, 0, 10))
    others = squares((5, 5, 10), (2, 2, 4), (10, 0, 10), (0, 0, 10))
    union = faces.intersection_over_union(one, others)[0]
    np.testing.assert_allclose(union, [25 / 175, 16 / 100, 0, 1])
    share = faces.share_of_smaller(one, others)[0]
    np.testing.assert_allclose(share, [25 / 100, 1, 0, 1])


def test_of_squares_over_one_face_the_surest_stays():
    found = faces.Detections(
        squares((40, 40, 20), (30, 30, 60), (200, 30, 60), (60, 30, 60)),
        np.array([9, 30, 12, 11]),
    )
    kept = faces.keep_surest(found)
    # The first lies in the second; the fourth shares just half with it and is another.
    assert kept.squares.tolist() == [[30, 30, 60], [200, 30, 60], [60, 30, 60]]
    assert kept.num_windows.tolist() == [30, 12, 11]


def test_the_order_of_the_search_does_not_matter():
    rng = np.random.default_rng(0)
    many = np.hstack([rng.integers(0, 100, (30, 2)), rng.integers(20, 90, (30, 1))])
    windows = rng.integers(1, 4, 30)  # with many ties
    kept = faces.keep_surest(faces.Detections(many, windows))
    for _ in range(5):
        order = rng.permutation(30)
        again = faces.keep_surest(faces.Detections(many[order], windows[order]))
        np.testing.assert_array_equal(again.squares, kept.squares)


def test_no_detection_is_no_square():
    kept = faces.keep_surest(faces.Detections(squares(), np.zeros(0, np.int64)))
    assert kept.squares.shape == (0, 3)
    assert faces.add_margin(kept.squares, margin=0.2, image_shape=(9, 9)).shape == (
        0,
        3,
    )


@pytest.mark.parametrize(
    ("square", "expected"),
    [
        ((40, 30, 20), (35, 25, 30)),  # a quarter of 20 on each side
        ((2, 30, 20), (0, 25, 30)),  # shifted from the left edge
        ((78, 59, 20), (70, 50, 30)),  # and from the lower right corner
        ((5, 0, 70), (0, 0, 80)),  # 105 are more than the height
    ],
)
def test_a_margin_stays_inside_of_the_image(square, expected):
    cut = faces.add_margin(squares(square), margin=0.25, image_shape=(80, 100))
    assert cut.tolist() == [list(expected)]


@given(st.data())
def test_what_is_cut_out_is_in_the_image_and_holds_the_face(data):
    height, width = data.draw(st.tuples(st.integers(1, 500), st.integers(1, 500)))
    side = data.draw(st.integers(1, min(height, width)))
    left = data.draw(st.integers(0, width - side))
    top = data.draw(st.integers(0, height - side))
    margin = data.draw(st.floats(0, 2))
    ((cut_left, cut_top, cut_side),) = faces.add_margin(
        squares((left, top, side)), margin=margin, image_shape=(height, width)
    ).tolist()
    assert 0 <= cut_left <= left
    assert 0 <= cut_top <= top
    assert left + side <= cut_left + cut_side <= width
    assert top + side <= cut_top + cut_side <= height


def detect(grey: np.ndarray) -> faces.Detections:
    return faces.detect(grey, cascade=faces.CASCADE, min_size=64, min_neighbors=8)


def test_a_portrait_has_one_face_where_it_is(portrait):
    ((left, top, side),) = detect(np.asarray(portrait.convert("L"))).squares
    # Marked by hand: both eyes and the mouth.
    for x, y in ((222, 189), (305, 187), (265, 275)):
        assert left < x < left + side
        assert top < y < top + side
    assert 130 < side < 280  # from the width of the face to that of the hat


def test_pictures_without_a_face_have_none(noise):
    assert len(detect(np.full((300, 400), 128, np.uint8)).squares) == 0
    assert len(detect(noise(0, 300, 400)[..., 0]).squares) == 0
    assert len(detect(np.zeros((10, 10), np.uint8)).squares) == 0


def test_planted_faces_are_found_where_they_are(shared):
    with zipfile.ZipFile(shared / "data" / "faces-64.zip") as archive:
        crops = [
            Image.open(io.BytesIO(archive.read(f"{n:05d}.jpg"))).convert("L")
            for n in range(12)
        ]
    scene = Image.new("L", (4 * 260, 3 * 260), 128)
    for number, crop in enumerate(crops):
        place = number % 4 * 260 + 34, number // 4 * 260 + 34
        scene.paste(crop.resize((192, 192), Image.Resampling.BICUBIC), place)
    found = detect(np.asarray(scene)).squares
    # CelebA's faces fill the middle 60 % of such a crop.
    inner = [(n % 4 * 260 + 72, n // 4 * 260 + 72, 115) for n in range(12)]
    best = faces.intersection_over_union(squares(*inner), found).max(axis=1)
    assert (best > 0.5).sum() >= 11
    assert len(found) <= 13


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (None, "is not installed"),
        (types.SimpleNamespace(__version__="5.0.0"), r"5\.0\.0 has no cascade"),
        (
            types.SimpleNamespace(CascadeClassifier=1, setNumThreads=lambda n: None),
            "lacks its file haarcascade",
        ),
    ],
)
def test_without_opencv_4_the_error_names_the_extra(module, reason, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", module)
    faces.load_detector.cache_clear()
    with pytest.raises(errors.InputError, match=rf"{reason}.*'dcgan-jax\[faces\]'"):
        faces.load_detector(faces.CASCADE)
    faces.load_detector.cache_clear()


def test_opencv_is_imported_only_to_find_faces():
    code = (
        "import sys; from dcgan_jax.prepare.faces import crops;"
        "sys.exit('cv2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
