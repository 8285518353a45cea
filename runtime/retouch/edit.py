"""Repaint a picture file's picture: in sRGB for the model, in its own colours for the result."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT
from retouch.picture import Picture, from_srgb, to_srgb
from retouch.pipeline import Inpainter
from retouch.progress import OnProgress, ignore
from retouch.regions import bounds
from retouch.request import InpaintRequest
from retouch.result import InpaintResult
from retouch.strokes import Layer

PAPER = 255
"""What the model sees behind transparent pixels: white paper."""


@dataclass(frozen=True, eq=False)
class Edit:
    """A mended picture, in the colours and with the metadata of the one it came from."""

    picture: Picture
    result: InpaintResult


def repaint(
    engine: Inpainter,
    picture: Picture,
    mask: Mask,
    request: InpaintRequest,
    on_progress: OnProgress = ignore,
    *,
    strokes: Layer | None = None,
) -> Edit:
    """Run the engine on a picture with profile and opacity; see `Inpainter.run` for errors.

    Pixels that the run left alone keep the bytes of the file; only repainted ones are converted back from sRGB.
    """
    shown = without_gaps(picture, mask)
    result = engine.run(shown, mask, request, on_progress, strokes=strokes)
    return Edit(apply(picture, shown, result.image, mask), result)


def flattened(picture: Picture) -> RGB:
    """The picture in sRGB over white, (H, W, 3): what a person and the model see."""
    pixels = to_srgb(picture)
    if picture.alpha is None:
        return pixels
    opacity = picture.alpha[..., None].astype(np.uint16)
    return ((pixels * opacity + PAPER * (255 - opacity) + 127) // 255).astype(np.uint8)


def without_gaps(picture: Picture, mask: Mask) -> RGB:
    """The flattened picture with its edges drawn out into the empty space that is painted.

    Nothing is known of that space, and the fade at its edge must not show the paper through.
    """
    shown, gap = flattened(picture), _gap(picture, mask).astype(np.float32)
    if gap.any():
        here = bounds(gap).pad(1).clamp(picture.size).slices  # the nearest known pixel touches the gap
        shown = shown.copy()
        shown[here] = CONTENT["edge"](shown[here], gap[here], 0)
    return shown


def apply(picture: Picture, shown: RGB, painted: RGB, mask: Mask) -> Picture:
    """Bring what was painted into the picture; everything else keeps its bytes."""
    changed = (painted != shown).any(axis=2) | _gap(picture, mask)
    pixels = picture.pixels.copy()
    if changed.any():
        pixels[changed] = from_srgb(painted[changed][None], picture)[0]
    alpha = picture.alpha
    if alpha is not None:
        alpha = np.maximum(alpha, np.rint(mask * 255).astype(np.uint8))
    return replace(picture, pixels=pixels, alpha=alpha)


def _gap(picture: Picture, mask: Mask) -> NDArray[np.bool_]:
    """Where fully transparent space is painted, (H, W)."""
    if picture.alpha is None:
        return np.zeros(mask.shape, np.bool_)
    return np.asarray((picture.alpha == 0) & (mask > 0))
