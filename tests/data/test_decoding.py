"""Oracles: the sRGB standard's curve, the PNG and TGA formats, hand-made profiles."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dcgan_jax.data import decoding, transforms
from dcgan_jax.data.transforms import Transform
from dcgan_jax.system.errors import BrokenImage

COLOUR = Transform(32, 3, False)
GREY = Transform(32, 1, False)


def save(image: Image.Image, file_format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def make_profile(space: bytes = b"RGB ", *, swapped: bool = False) -> bytes:
    """An ICC profile of linear light: sRGB's primaries, or red and blue changed over.

    Source: ICC.1:2001-04, and sRGB's primaries in D50 as its own profiles have them.
    """

    def xyz(*values: float) -> bytes:
        fixed = [round(value * 65536) for value in values]
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *fixed)

    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)  # the identity
    red, green, blue = (
        (0.43607, 0.22249, 0.01392),
        (0.38515, 0.71687, 0.09708),
        (0.14307, 0.06061, 0.71410),
    )
    if swapped:
        red, blue = blue, red
    text = b"linear\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {b"desc": described, b"wtpt": xyz(0.9642, 1.0, 0.82491)}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {b"rXYZ": xyz(*red), b"gXYZ": xyz(*green), b"bXYZ": xyz(*blue)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        content = tag.ljust(-(-len(tag) // 4) * 4, b"\0")
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02100000,
                         b"mntr", space, b"XYZ ")  # fmt: skip
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body


def to_srgb(value: int) -> float:
    """IEC 61966-2-1: linear light → sRGB."""
    x = value / 255
    return 255 * (12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_colours_are_converted_by_their_profile(file_format):
    image = Image.new("RGB", (32, 32), (50, 100, 150))
    options = {"quality": 100} if file_format in ("JPEG", "WEBP") else {}
    content = save(image, file_format, icc_profile=make_profile(), **options)
    expected = [to_srgb(value) for value in (50, 100, 150)]
    np.testing.assert_allclose(
        transforms.apply(content, COLOUR)[5, 5], expected, atol=3
    )
    content = save(
        image, file_format, icc_profile=make_profile(swapped=True), **options
    )
    np.testing.assert_allclose(
        transforms.apply(content, COLOUR)[5, 5], expected[::-1], atol=3
    )


def test_grey_and_transparent_images_are_converted_too():
    content = save(Image.new("L", (32, 32), 50), icc_profile=make_profile(b"GRAY"))
    pixels = transforms.apply(content, GREY)
    np.testing.assert_allclose(pixels, to_srgb(50), atol=1)
    image = Image.new("RGBA", (32, 32), (50, 100, 150, 255))
    image.putpixel((0, 0), (50, 100, 150, 0))
    pixels = transforms.apply(save(image, icc_profile=make_profile()), COLOUR)
    np.testing.assert_allclose(pixels[5, 5], [*map(to_srgb, (50, 100, 150))], atol=1)
    assert pixels[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("profile", [b"nonsense", make_profile()[:200], b"\0" * 5000])
def test_a_damaged_profile_does_not_cost_the_picture(profile, noise):
    pixels = noise(0, 32, 32)
    content = save(Image.fromarray(pixels), icc_profile=profile)
    np.testing.assert_array_equal(transforms.apply(content, COLOUR), pixels)


def test_the_profile_of_srgb_changes_nothing(noise):
    from PIL import ImageCms

    pixels = noise(0, 32, 32)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = save(Image.fromarray(pixels), icc_profile=profile)
    np.testing.assert_array_equal(transforms.apply(content, COLOUR), pixels)


def make_tga(pixels: np.ndarray, *, alpha_bits: int) -> bytes:
    """A TGA of 32 bits. Source: Truevision TGA 2.0, fields 1 to 5."""
    height, width, _ = pixels.shape
    header = struct.pack("<BBB5xHHHHBB", 0, 0, 2, 0, 0, width, height, 32,
                         alpha_bits | 0x20)  # fmt: skip
    return header + pixels[..., [2, 1, 0, 3]].tobytes()


def make_bmp(pixels: np.ndarray) -> bytes:
    """A BMP of 32 bits with a mask for alpha. Source: BITMAPV4HEADER."""
    height, width, _ = pixels.shape
    masks = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII4I", 108, width, -height, 1, 32, 3,
                       pixels.nbytes, 0, 0, 0, 0, *masks).ljust(108, b"\0")  # fmt: skip
    size = 14 + len(info) + pixels.nbytes
    head = b"BM" + struct.pack("<IHHI", size, 0, 0, 14 + len(info))
    return head + info + pixels[..., [2, 1, 0, 3]].tobytes()


def with_alpha(colours: np.ndarray, alpha: int) -> np.ndarray:
    return np.dstack([colours, np.full(colours.shape[:2], alpha, np.uint8)])


@pytest.mark.parametrize("alpha", [0, 77, 255])
def test_the_last_byte_of_a_tga_without_alpha_is_no_alpha(alpha, noise):
    pixels = noise(0, 32, 32)
    content = make_tga(with_alpha(pixels, alpha), alpha_bits=0)
    np.testing.assert_array_equal(transforms.apply(content, COLOUR), pixels)


@pytest.mark.parametrize("make", [lambda p: make_tga(p, alpha_bits=8), make_bmp])
def test_alpha_that_is_0_everywhere_is_none_but_else_counts(make, noise):
    pixels = noise(0, 32, 32)
    invisible = make(with_alpha(pixels, 0))
    np.testing.assert_array_equal(transforms.apply(invisible, COLOUR), pixels)
    half = with_alpha(pixels, 255)
    half[:16, :, 3] = 0
    found = transforms.apply(make(half), COLOUR)
    assert (found[:16] == 255).all()
    np.testing.assert_array_equal(found[16:], pixels[16:])


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP", "PNG"])
def test_the_pictures_of_a_file_are_counted(form, noise):
    pages = [Image.fromarray(noise(i, 32, 32)) for i in range(5)]
    content = save(pages[0], form, save_all=True, append_images=pages[1:])
    assert decoding.count_pages(content) == 5
    assert decoding.count_pages(save(pages[0], form)) == 1


@pytest.mark.parametrize("form", ["JPEG", "BMP"])
def test_a_file_of_another_form_holds_one_picture(form, noise):
    assert decoding.count_pages(save(Image.fromarray(noise(0, 32, 32)), form)) == 1


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checksum


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 100_000_000)),
        chunk(b"iTXt", b"XML\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(3_000_000))),
        b"".join(chunk(b"tEXt", b"c\0" + b"x" * 1_000_000) for _ in range(70)),
    ],
    ids=["tEXt", "zTXt", "iTXt", "iCCP", "many"],
)
def test_metadata_never_cost_a_picture(extra, noise):
    pixels = noise(0, 32, 32)
    content = save(Image.fromarray(pixels))
    place = content.index(b"IDAT") - 4
    content = content[:place] + extra + content[place:]
    np.testing.assert_array_equal(transforms.apply(content, COLOUR), pixels)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_large_jpeg_is_decoded_at_a_fraction(progressive):
    ramp = np.tile(np.linspace(0, 255, 300).round().astype(np.uint8), (200, 1))
    content = save(Image.fromarray(ramp), "JPEG", quality=95, progressive=progressive)
    whole = transforms.apply(content, GREY)
    reduced = transforms.apply(content, Transform(32, 1, False, max_pixels=40_000))
    np.testing.assert_allclose(reduced.astype(int), whole.astype(int), atol=3)
    image = decoding.decode_image(content, max_pixels=40_000)
    assert image.size == (150, 100)


def test_far_too_large_images_are_refused_with_the_flag():
    grey = Image.new("L", (200, 200))
    for content in (save(grey), save(Image.new("L", (500, 500)), "JPEG")):
        with pytest.raises(BrokenImage, match="--max_pixels=30000; it is a dec"):
            decoding.decode_image(content, max_pixels=30_000)
    assert decoding.decode_image(save(grey), max_pixels=40_000).size == (200, 200)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\n <!DOCTYPE html><html>", "an HTML page"),
        (b"\xef\xbb\xbf<html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "of git-LFS"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC picture; convert it"),
        (b"%PDF-1.7", "a PDF"),
        (b"<?xml version='1.0'?><svg/>", "an XML or SVG file"),
        (b'{"error": 404}', "a JSON text"),
        (b"PK\3\4\0\0", "a zip"),
    ],
)
def test_what_is_no_image_is_named(content, kind):
    with pytest.raises(BrokenImage, match=f"not an image .*{kind}"):
        transforms.apply(content, COLOUR)


def tiff(values) -> bytes:
    return save(Image.fromarray(np.resize(values, (32, 32))), "TIFF")


@pytest.mark.parametrize(
    ("content", "value_range", "expected"),
    [
        (tiff(np.array([255, 7], np.int32)), None, [255, 7]),
        (tiff(np.array([65535, 257], np.uint16)), None, [255, 1]),
        (tiff(np.array([1 + 5e-4, -5e-4], np.float32)), None, [255, 0]),
        (tiff(np.array([4095, 2048], np.uint16)), (0, 4095), [255, 128]),
        (tiff(np.array([4096, -5], np.int32)), (0, 4096), [255, 0]),
        (tiff(np.array([1, 0], np.uint8)), (0, 1), [255, 0]),
    ],
)
def test_whole_numbers_are_scaled_by_their_bits_or_as_asked(
    content, value_range, expected
):
    target = Transform(32, 1, False, value_range)
    assert transforms.apply(content, target)[0, :2, 0].tolist() == expected


def test_a_value_range_takes_colours_too():
    image = Image.new("RGB", (32, 32), (0, 1, 2))
    target = Transform(32, 3, False, (0, 2))
    assert transforms.apply(save(image), target)[0, 0].tolist() == [0, 128, 255]


def test_32_bits_beyond_255_are_not_guessed():
    with pytest.raises(
        BrokenImage, match=r"0 to 4095, expected 0 to 255; .*value_range"
    ):
        transforms.apply(tiff(np.array([0, 4095], np.int32)), GREY)


def test_16_bits_a_colour_are_no_case_for_a_value_range():
    header = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
    rows = (b"\0" + b"\x0f\xff" * 96) * 32
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    content += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert transforms.apply(content, COLOUR)[0, 0].tolist() == [15, 15, 15]
    with pytest.raises(BrokenImage, match="16 bits per colour"):
        transforms.apply(content, Transform(32, 3, False, (0, 4095)))


@pytest.mark.parametrize("text", ["", "3", "1,0", "0,0", "0,nan", "a,b", "0,1,2"])
def test_a_value_range_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"--value_range=.*expected two numbers"):
        transforms.parse_range(text)


def test_settings_that_are_not_used_do_not_move_a_store():
    assert set(COLOUR.settings()) == {
        "image_size", "channels", "upscale", "crop", "reduce", "enlarge", "version",
    }  # fmt: skip
    assert Transform(32, 3, False, (0, 1)).settings()["value_range"] == (0, 1)
