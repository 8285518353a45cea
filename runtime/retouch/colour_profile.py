"""ICC profiles: from a picture's own colours to sRGB, where the model works, and back.

A picture with an RGB profile keeps its numbers and its profile; only what is generated is converted. So what was
not repainted stays the same to the last byte, and the repainted part has the right colours beside it.
"""

from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from retouch.arrays import RGB

_BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_LATTICE_SIDE = 9
_ROUNDING = 1
"""Two sRGB profiles by different makers may differ by one step of 255; that is still sRGB."""


def colour_space(profile: bytes) -> str | None:
    """The space a profile is for: "RGB", "GRAY", "CMYK", "Lab"; None when the profile cannot be read."""
    try:
        return str(_opened(profile).profile.xcolor_space).strip()
    except _BROKEN:
        return None


@lru_cache(maxsize=8)
def works_both_ways(profile: bytes) -> bool:
    """Whether RGB colours can be converted from this profile to sRGB and back (scanner profiles only go one way)."""
    if colour_space(profile) != "RGB":
        return False
    try:
        _convert(_convert(_lattice(), _opened(profile), _srgb()), _srgb(), _opened(profile))
    except _BROKEN:
        return False
    return True


@lru_cache(maxsize=8)
def is_srgb(profile: bytes) -> bool:
    """Whether the profile leaves sRGB colours as they are, whatever it calls itself."""
    lattice = _lattice()
    converted = _convert(lattice, _opened(profile), _srgb())
    return bool(np.abs(converted.astype(np.int16) - lattice).max() <= _ROUNDING)


def to_srgb(pixels: RGB, profile: bytes | None) -> RGB:
    """Convert (H, W, 3) pixels from `profile` (one that works both ways) to sRGB; a copy, exact for sRGB or None."""
    if profile is None or is_srgb(profile):
        return pixels.copy()
    return _convert(pixels, _opened(profile), _srgb())


def from_srgb(pixels: RGB, profile: bytes | None) -> RGB:
    """Convert (H, W, 3) sRGB pixels to `profile` (one that works both ways); a copy, exact for sRGB or None."""
    if profile is None or is_srgb(profile):
        return pixels.copy()
    return _convert(pixels, _srgb(), _opened(profile))


def rendered(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Convert a picture of any mode (CMYK, L, Lab, RGB) through its profile to sRGB; None when that is impossible."""
    try:
        source: Any = ImageCms.createProfile("LAB") if profile is None else _opened(profile)
        intent = ImageCms.Intent.PERCEPTUAL
        return ImageCms.profileToProfile(image, source, _srgb(), renderingIntent=intent, outputMode="RGB")
    except _BROKEN:
        return None


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(profile))


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _lattice() -> RGB:
    """Evenly spread colours, (1, side³, 3)."""
    steps = np.linspace(0, 255, _LATTICE_SIDE).round().astype(np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)


def _convert(pixels: RGB, source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile) -> RGB:
    converted = ImageCms.profileToProfile(
        Image.fromarray(np.ascontiguousarray(pixels)),
        source,
        target,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return np.array(converted, dtype=np.uint8)
