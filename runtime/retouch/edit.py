"""Repaint a picture file's picture: in sRGB for the model, in its own colours for the result."""

from dataclasses import dataclass, replace

import numpy as np

from retouch.arrays import RGB, Mask
from retouch.picture import Picture, from_srgb, to_srgb
from retouch.pipeline import Inpainter
from retouch.progress import OnProgress, ignore
from retouch.request import InpaintRequest
from retouch.result import InpaintResult

PAPER = 255
"""What the model sees behind transparent pixels: white paper."""


@dataclass(frozen=True, eq=False)
class Edit:
    """A mended picture, in the colours and with the metadata of the one it came from."""

    picture: Picture
    result: InpaintResult


def repaint(
    engine: Inpainter, picture: Picture, mask: Mask, request: InpaintRequest, on_progress: OnProgress = ignore
) -> Edit:
    """Run the engine on a picture with profile and opacity; see `Inpainter.run` for errors.

    Pixels that the run left alone keep the bytes of the file; only repainted ones are converted back from sRGB.
    """
    shown = flattened(picture)
    result = engine.run(shown, mask, request, on_progress)
    return Edit(apply(picture, shown, result.image, mask), result)


def flattened(picture: Picture) -> RGB:
    """The picture in sRGB over white, (H, W, 3): what a person and the model see."""
    pixels = to_srgb(picture)
    if picture.alpha is None:
        return pixels
    opacity = picture.alpha[..., None].astype(np.uint16)
    return ((pixels * opacity + PAPER * (255 - opacity) + 127) // 255).astype(np.uint8)


def apply(picture: Picture, shown: RGB, painted: RGB, mask: Mask) -> Picture:
    """Bring what was painted into the picture; everything else keeps its bytes."""
    changed = (painted != shown).any(axis=2)
    pixels = picture.pixels.copy()
    if changed.any():
        pixels[changed] = from_srgb(painted[changed][None], picture)[0]
    alpha = picture.alpha
    if alpha is not None:
        alpha = np.maximum(alpha, np.rint(mask * 255).astype(np.uint8))
    return replace(picture, pixels=pixels, alpha=alpha)
