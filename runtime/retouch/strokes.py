"""Colour strokes: a layer of paint above the picture that shows the model what to make of it.

A layer is never part of the mask and never of the result: it is laid over what stands under the mask before that is
encoded, so the denoising starts from it ("inpaint sketch").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.canvas import size_of, take
from retouch.errors import PictureError, UsageError
from retouch.geometry import Placement, Size
from retouch.image_io import load_picture
from retouch.mask import Expression, MaskSource, parse, render

Layer: TypeAlias = NDArray[np.uint8]
"""Paint of the picture's size, (H, W, 4): red, green, blue and opacity, the colour not multiplied by it."""

Paint: TypeAlias = NDArray[np.float32]
"""Paint of a working box, (h, w, 4): colour 0..255 multiplied by opacity 0..1, then the opacity."""

_STROKE = re.compile(r"\s*#([0-9A-Fa-f]{6})\s+(\S.*)", re.DOTALL)


@dataclass(frozen=True)
class Stroke:
    """A shape in one colour."""

    colour: tuple[int, int, int]
    shape: Expression

    def __str__(self) -> str:
        """As typed."""
        return f"#{bytes(self.colour).hex()} {self.shape}"


def parse_stroke(text: str) -> Stroke:
    """Read `#ff0000 24 10,10 80,90`, a colour and a pen's width and way, or a colour and any mask expression."""
    found = _STROKE.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no stroke; write a colour, a width and points, as in '#ff0000 24 10,10 80,90'")
    rest = found[2]
    try:
        shape = parse(f"brush {rest}" if rest[0].isdigit() or rest[0] == "." else rest)
    except UsageError as error:
        raise UsageError(f"--stroke {text!r}: {error}") from None
    red, green, blue = bytes.fromhex(found[1])
    return Stroke((red, green, blue), shape)


def load_layer(path: Path, size: Size) -> Layer:
    """Read a transparent layer for a picture of this size."""
    picture = load_picture(path)
    if picture.alpha is None:
        raise PictureError(f"{path} has no transparency, so it would cover the picture; save strokes as a layer")
    if picture.size != size:
        raise PictureError(f"the strokes {path} are {picture.size} and the picture {size}; make them the same size")
    return np.dstack([picture.pixels, picture.alpha])


def layer_of(strokes: Sequence[Stroke], size: Size, under: Layer | None = None) -> Layer:
    """Draw strokes one above the other, over `under` or over nothing."""
    colour = np.zeros((size.height, size.width, 3), np.uint8) if under is None else under[..., :3].copy()
    opacity = np.zeros((size.height, size.width), np.uint8) if under is None else under[..., 3].copy()
    for stroke in strokes:
        covers = render(stroke.shape, MaskSource(size=size))
        share = np.divide(covers, covers + (1 - covers) * (opacity / np.float32(255)), where=covers > 0, out=covers * 0)
        mixed = colour + (np.asarray(stroke.colour, np.float32) - colour) * share[..., None]
        colour = np.rint(mixed).astype(np.uint8)
        opacity = np.rint(255 - (255 - opacity) * (1 - covers)).astype(np.uint8)
    return np.dstack([colour, opacity])


def cut_paint(layer: Layer, placement: Placement) -> Paint:
    """The paint of a working box at work size; nothing where the box overhangs the picture."""
    crop = placement.crop
    part = take(layer, crop).astype(np.float32)
    inside = crop.clamp(size_of(layer)).shift(-crop.left, -crop.top)
    present = np.zeros(part.shape[:2], np.float32)
    present[inside.slices] = 1
    part[..., 3] *= present / 255
    part[..., :3] *= part[..., 3:]
    if crop.size == placement.work:
        return part
    shrinks = placement.work.area < crop.area
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, tuple(placement.work), interpolation=method), np.float32)


def lay_over(image: RGB, paint: Paint, mask: Mask) -> RGB:
    """The picture, (h, w, 3), with paint over it wherever the mask, (h, w), is above 0."""
    shown = paint * (mask > 0)[..., None]
    mixed = image * (1 - shown[..., 3:]) + shown[..., :3]
    return np.asarray(np.rint(mixed).clip(0, 255), np.uint8)
