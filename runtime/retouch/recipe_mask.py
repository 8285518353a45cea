"""Masks and strokes in recipes: hashes that tell them apart, and they themselves where small enough to carry along."""

import base64
import binascii
import hashlib
from io import BytesIO

import numpy as np
from PIL import Image

from retouch.arrays import RGB, Mask
from retouch.errors import PictureError, UsageError
from retouch.geometry import Size
from retouch.image_io import load_mask, load_picture
from retouch.picture import Picture
from retouch.recipe import MaskFact, PictureFact, StrokesFact
from retouch.strokes import Layer

LARGEST_BYTES = 256 * 1024
"""Of an embedded mask, before base64; larger ones are remembered by their hash alone."""


def mask_fact(mask: Mask, *, expression: str | None = None, file: str | None = None) -> MaskFact:
    """What a recipe says about a mask (H, W); in 8 bits, which is what mask files have."""
    grey = _in_8_bits(mask)
    png = _png(grey)
    return MaskFact(
        expression=expression,
        file=file,
        sha256=_digest(grey),
        png=base64.b64encode(png).decode("ascii") if len(png) <= LARGEST_BYTES else None,
    )


def picture_fact(picture: Picture) -> PictureFact:
    """What a recipe says about the picture that was worked on."""
    return PictureFact(
        file=None if picture.path is None else picture.path.name,
        sha256=pixels_hash(picture.pixels),
        width=picture.size.width,
        height=picture.size.height,
    )


def mask_hash(mask: Mask) -> str:
    """SHA-256 over the size and the 8-bit values of a mask, hexadecimal."""
    return _digest(_in_8_bits(mask))


def pixels_hash(pixels: RGB) -> str:
    """SHA-256 over the size and the bytes of a picture (H, W, 3), hexadecimal."""
    return _digest(pixels)


def strokes_fact(layer: Layer) -> StrokesFact:
    """What a recipe says about colour strokes, (H, W, 4)."""
    stream = BytesIO()
    Image.fromarray(np.ascontiguousarray(layer)).save(stream, format="PNG", compress_level=9)
    png = stream.getvalue()
    small = len(png) <= LARGEST_BYTES
    return StrokesFact(sha256=_digest(layer), png=base64.b64encode(png).decode("ascii") if small else None)


def embedded_strokes(fact: StrokesFact) -> Layer | None:
    """The strokes that a recipe carries, (H, W, 4); None when it carries none, UsageError when they are damaged."""
    if fact.png is None:
        return None
    try:
        picture = load_picture(BytesIO(base64.b64decode(fact.png, validate=True)))
    except (PictureError, binascii.Error) as problem:
        raise UsageError(f"the strokes inside the recipe are damaged ({problem}); give them again") from None
    opacity = np.full(picture.pixels.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    layer = np.dstack([picture.pixels, opacity])
    if fact.sha256 is not None and _digest(layer) != fact.sha256:
        raise UsageError("the strokes inside the recipe are not those it was made with; give them again")
    return layer


def embedded_mask(fact: MaskFact) -> Mask | None:
    """The mask that a recipe carries, (H, W) in steps of 1/255; None when it carries none.

    UsageError when it is damaged or has another hash than the recipe says.
    """
    if fact.png is None:
        return None
    try:
        data = base64.b64decode(fact.png, validate=True)
        size = load_picture(BytesIO(data)).size
        mask = load_mask(BytesIO(data), Size(*size))
    except (PictureError, binascii.Error) as problem:
        raise UsageError(f"the mask inside the recipe is damaged ({problem}); give the mask again") from None
    if fact.sha256 is not None and mask_hash(mask) != fact.sha256:
        raise UsageError("the mask inside the recipe is not the one it was made with; give the mask again")
    return mask


def _in_8_bits(mask: Mask) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.rint(np.clip(mask, 0, 1) * 255).astype(np.uint8)


def _digest(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    size = f"{values.shape[1]}x{values.shape[0]}:".encode()
    return hashlib.sha256(size + np.ascontiguousarray(values).tobytes()).hexdigest()


def _png(grey: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> bytes:
    """A PNG of one bit a pixel where the mask is hard, of eight where it is soft."""
    hard = bool(np.isin(grey, (0, 255)).all())
    stream = BytesIO()
    Image.fromarray(grey > 0 if hard else grey).save(stream, format="PNG", compress_level=9)
    return stream.getvalue()
