"""From whatever modes picture files use to 8-bit RGB and an opacity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retouch.arrays import RGB, Alpha
from retouch.colour_profile import colour_space, rendered, works_both_ways
from retouch.errors import PictureError

_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its Exif orientation."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Pixels (H, W, 3), opacity (H, W) or None, the profile the pixels are in, and what had to be changed."""

    pixels: RGB
    alpha: Alpha | None
    profile: bytes | None
    notes: tuple[str, ...]


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image upright, for an Exif orientation of 1..8."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def decoded(image: Image.Image, profile: bytes | None, name: str) -> Decoded:
    """Decode a loaded image; `profile` is the one in its file. Raises PictureError for number types without a scale."""
    if image.mode in _GREY_MODES:
        return _grey(_with_8_bits(image, name), profile)
    if image.mode in ("CMYK", "LAB", "YCbCr", "HSV"):
        return _other_space(image, profile)
    if image.mode == "F":
        raise PictureError(f"{name} has floating-point pixels without a known range; convert it to 8 or 16 bits first")
    pixels, alpha = _split(image)
    if profile is None or works_both_ways(profile):
        return Decoded(pixels, alpha, profile, ())
    if colour_space(profile) == "RGB":
        converted = rendered(Image.fromarray(pixels), profile)
        if converted is not None:
            note = "its colour profile works one way only: the picture was converted to sRGB"
            return Decoded(_array(converted), alpha, None, (note,))
    return Decoded(pixels, alpha, None, ("its colour profile is damaged or does not fit: it was taken as sRGB",))


def _grey(image: Image.Image, profile: bytes | None) -> Decoded:
    """Grey becomes RGB; a grey profile is applied, an RGB one stays valid for equal channels."""
    pixels, alpha = _split(image)
    if profile is None or works_both_ways(profile):
        return Decoded(pixels, alpha, profile, ())
    converted = rendered(Image.fromarray(pixels[..., 0]), profile) if colour_space(profile) == "GRAY" else None
    if converted is None:
        return Decoded(pixels, alpha, None, ("its colour profile is damaged or does not fit: it was left out",))
    return Decoded(_array(converted), alpha, None, ("a grey picture with a profile: converted to sRGB",))


def _other_space(image: Image.Image, profile: bytes | None) -> Decoded:
    if image.mode == "LAB":
        converted = rendered(image, None)
        if converted is None:
            raise PictureError("this build of Pillow cannot convert Lab colours; convert the picture to RGB first")
        return Decoded(_array(converted), None, None, ("Lab colours were converted to sRGB",))
    fits = profile is not None and image.mode == "CMYK" and colour_space(profile) == "CMYK"
    converted = rendered(image, profile) if fits else None
    if converted is None:
        note = f"{image.mode} colours without a usable profile were converted to sRGB; they may look different"
        return Decoded(_array(image.convert("RGB")), None, None, (note,))
    return Decoded(_array(converted), None, None, ("CMYK colours were converted to sRGB through their profile",))


def _with_8_bits(image: Image.Image, name: str) -> Image.Image:
    """Scale 16-bit grey so that 65535 becomes 255; other grey modes are returned as they are."""
    if not image.mode.startswith("I"):
        return image
    values: NDArray[np.int64] = np.asarray(image).astype(np.int64)
    if values.size and not (values.min() >= 0 and values.max() <= 65535):
        raise PictureError(f"{name} has 32-bit pixels without a known range; convert it to 8 or 16 bits first")
    scaled = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    key = image.info.get("transparency")
    if isinstance(key, int):
        scaled.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return scaled


def _split(image: Image.Image) -> tuple[RGB, Alpha | None]:
    if not image.has_transparency_data:
        return _array(image.convert("RGB")), None
    rgba = np.asarray(image.convert("RGBA"))
    return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])


def _array(image: Image.Image) -> RGB:
    return np.array(image, dtype=np.uint8)
