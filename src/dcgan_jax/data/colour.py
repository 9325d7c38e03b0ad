"""Colour profiles: pixels of any colour space → sRGB, as screens show it."""

import functools
import io
from typing import Any

from PIL import Image

_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGB", "P": "RGB"}
_MODES = ("L", "RGB", "CMYK")
# Cameras and programs have a few profiles each.
_KEPT_PROFILES = 16


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert an image by its embedded profile, unless that is damaged.

    An image without a profile, in sRGB, or of a mode without colour stays as it is.
    """
    profile = image.info.get("icc_profile")
    mode = _ALPHA.get(image.mode, image.mode)
    if not isinstance(profile, bytes) or not profile or mode not in _MODES:
        return image
    transform = _make_transform(profile, mode)
    if transform is None:
        return image
    if not image.has_transparency_data:
        return _apply(transform, image if image.mode == mode else image.convert(mode))
    full = image.convert("LA" if mode == "L" else "RGBA")
    converted = _apply(transform, full.convert(mode)).convert("RGB")
    converted.putalpha(full.getchannel("A"))
    converted.format = image.format
    return converted


def _apply(transform: Any, image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.applyTransform(image, transform)
    if converted is None:
        return image
    converted.info.pop("transparency", None)
    return converted


@functools.lru_cache(maxsize=_KEPT_PROFILES)
def _make_transform(profile: bytes, mode: str) -> Any:
    """Return the transform of a mode from a profile to sRGB; None if there is none.

    There is none if it would change nothing, or the profile is for another mode.
    """
    try:
        from PIL import ImageCms

        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(opened).lower():
            return None
        return ImageCms.buildTransform(
            opened, ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except Exception:  # each parser of profiles fails in its own way
        return None
