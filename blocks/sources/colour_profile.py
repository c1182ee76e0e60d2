"""Colours as sRGB, whatever profile a picture brings along."""

import io
import warnings

from PIL import Image as PillowImage
from PIL import ImageCms

STANDARD = "sRGB"
CONVERTED = ("RGB", "L", "CMYK")
"""Pillow's modes in which profiles are; others become RGB first."""


def in_standard_colours(picture: PillowImage.Image, profile: bytes | None, name: str) -> PillowImage.Image:
    """The picture as 8-bit sRGB, converted from its ICC profile where it has one that is another.

    A profile that cannot be used is said in a warning, and left aside. Source: ICC.1:2022.
    """
    if not profile:
        return picture.convert("RGB")
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if STANDARD in ImageCms.getProfileDescription(own):
            return picture.convert("RGB")
        plain = picture if picture.mode in CONVERTED else picture.convert("RGB")
        converted = ImageCms.profileToProfile(plain, own, ImageCms.createProfile(STANDARD), outputMode="RGB")
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError, TypeError) as error:
        warnings.warn(f"'{name}' has a colour profile that cannot be used ({error}); its colours are taken as sRGB",
                      stacklevel=5)  # fmt: skip
        return picture.convert("RGB")
    return picture.convert("RGB") if converted is None else converted
