"""Oracles: hand-made pictures, the EXIF standard's table, closed forms for modes."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.data import transforms
from dcgan_jax.data.transforms import Transform
from dcgan_jax.system.errors import BrokenImage

COLOUR = Transform(32, 3, False)
GREY = Transform(32, 1, False)

# EXIF 2.3, tag 0x0112: which side of the scene is the stored row 0, and column 0.
EXIF_SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def save(image: Image.Image, file_format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def flat(mode: str, value) -> Image.Image:
    return Image.new(mode, (32, 32), value)


@pytest.mark.parametrize("orientation", EXIF_SIDES)
def test_an_exif_rotated_picture_is_turned_upright(orientation, noise):
    scene = noise(0, 32, 32)
    rows_from, columns_from = EXIF_SIDES[orientation]
    stored = scene.copy()
    if rows_from in ("left", "right"):
        stored = stored.transpose(1, 0, 2)
    if rows_from in ("bottom", "right"):
        stored = stored[::-1]
    if columns_from in ("bottom", "right"):
        stored = stored[:, ::-1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = save(Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    np.testing.assert_array_equal(transforms.apply(content, COLOUR), scene)


def test_a_damaged_exif_block_does_not_break_the_picture(noise, encode):
    pixels = noise(0, 32, 32)
    content = encode(pixels, exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense")
    np.testing.assert_array_equal(transforms.apply(content, COLOUR), pixels)


@pytest.mark.parametrize(("height", "width"), [(32, 40), (41, 32)])
def test_the_centre_square_is_cut_out_untouched(height, width, noise, encode):
    pixels = noise(0, height, width)
    top, left = (height - 32) // 2, (width - 32) // 2
    expected = pixels[top : top + 32, left : left + 32]
    np.testing.assert_array_equal(transforms.apply(encode(pixels), COLOUR), expected)


def test_reducing_averages_and_does_not_alias(encode):
    checkers = (np.indices((320, 320)).sum(0) % 2 * 255).astype(np.uint8)
    reduced = transforms.apply(encode(checkers), GREY)
    np.testing.assert_allclose(reduced, 127.5, atol=2)


def test_a_ramp_stays_a_ramp_when_reduced(encode):
    ramp = np.tile(np.linspace(0, 255, 320), (320, 1))
    reduced = transforms.apply(encode(ramp.round().astype(np.uint8)), GREY)[..., 0]
    expected = np.tile(ramp[:, :].reshape(320, 32, 10).mean(-1), (1, 1))[:32]
    np.testing.assert_allclose(reduced[:, 2:-2], expected[:, 2:-2], atol=1.5)


def test_a_small_picture_is_refused_unless_upscaling_is_asked_for(noise, encode):
    content = encode(noise(0, 31, 40))
    with pytest.raises(transforms.ImageTooSmall, match="40×31"):
        transforms.apply(content, COLOUR)
    enlarged = transforms.apply(content, Transform(32, 3, True))
    assert enlarged.shape == (32, 32, 3)


def test_pixels_that_fit_pass_unchanged(noise):
    pixels = noise(0, 32, 32)
    np.testing.assert_array_equal(transforms.apply(pixels, COLOUR), pixels)
    grey = pixels[..., :1]
    np.testing.assert_array_equal(transforms.apply(grey, GREY), grey)
    np.testing.assert_array_equal(transforms.apply(grey[..., 0], GREY), grey)


TABLE = {
    "grey to colour": (flat("L", 77), COLOUR, (77, 77, 77)),
    "colour to grey": (flat("RGB", (200, 100, 50)), GREY, (124,)),  # Rec. 601
    "black and white": (flat("1", 1), COLOUR, (255, 255, 255)),
    "palette": (flat("RGB", (9, 90, 190)).quantize(2), COLOUR, (9, 90, 190)),
    "alpha over white": (flat("RGBA", (0, 0, 0, 51)), COLOUR, (204, 204, 204)),
    "grey alpha over white": (flat("LA", (100, 0)), GREY, (255,)),
}


@pytest.mark.parametrize("case", TABLE)
def test_modes_are_converted(case):
    image, target, expected = TABLE[case]
    pixels = transforms.apply(save(image), target)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))


def test_a_transparent_palette_colour_becomes_white():
    image = flat("P", 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    pixels = transforms.apply(save(image, transparency=0), COLOUR)
    assert (pixels == 255).all()


def test_cmyk_is_converted():
    pixels = transforms.apply(save(flat("CMYK", (0, 255, 255, 0)), "TIFF"), COLOUR)
    np.testing.assert_allclose(pixels[0, 0], (255, 0, 0), atol=2)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_16_bit_grey_is_scaled_not_cut(dtype):
    values = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(dtype)
    file_format = "PNG" if dtype == "<u2" else "TIFF"
    pixels = transforms.apply(save(Image.fromarray(values), file_format), GREY)
    expected = np.rint(values.astype(float) / 257)
    np.testing.assert_array_equal(pixels[..., 0], expected)


def test_float_grey_between_0_and_1_is_scaled():
    values = np.full((32, 32), 0.2, np.float32)
    assert (transforms.apply(save(Image.fromarray(values), "TIFF"), GREY) == 51).all()


def test_float_grey_of_unknown_range_is_broken():
    values = np.full((32, 32), 300, np.float32)
    with pytest.raises(BrokenImage, match="expected 0 to 1"):
        transforms.apply(save(Image.fromarray(values), "TIFF"), GREY)


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "BMP", "GIF", "PPM", "TIFF"])
def test_the_format_is_told_by_the_content(file_format):
    content = save(flat("RGB", (250, 10, 20)), file_format)
    np.testing.assert_allclose(
        transforms.apply(content, COLOUR)[16, 16], (250, 10, 20), atol=6
    )


def test_an_animation_gives_its_first_frame():
    frames = [flat("L", 10), flat("L", 200)]
    content = save(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (transforms.apply(content, GREY) == 10).all()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_file_is_broken(file_format, noise, encode):
    content = encode(noise(0, 64, 64), file_format)
    with pytest.raises(BrokenImage):
        transforms.apply(content[: len(content) // 2], COLOUR)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n", "not an image"),
    ],
)
def test_what_is_no_image_is_broken(content, reason):
    with pytest.raises(BrokenImage, match=reason):
        transforms.apply(content, COLOUR)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_broken_and_never_decoded(side):
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")
    with pytest.raises(BrokenImage, match="decompression bomb"):
        transforms.apply(bomb, COLOUR)
