"""Draws the mask that a script of lines describes, and writes the script a recipe keeps."""

from pathlib import Path

from retouch.arrays import RGB, Alpha
from retouch.geometry import Size
from retouch.mask import MaskSource, parse, render
from retouch_tui.layers import Mask8
from retouch_tui.refine import to_bytes


def drawn(lines: tuple[str, ...], picture: RGB, alpha: Alpha | None = None) -> Mask8:
    """Return the mask of the lines on a picture, (H, W, 3); MaskError points at what is wrong."""
    size = Size(picture.shape[1], picture.shape[0])
    fits = alpha is not None and alpha.shape == picture.shape[:2]
    source = MaskSource(size=size, picture=picture, alpha=alpha if fits else None, folder=Path.cwd(), fit=True)
    return to_bytes(render(parse("\n".join(lines)), source))


def mask_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the comments, which are the colour strokes."""
    return tuple(line for line in lines if not line.lstrip().startswith("#"))
