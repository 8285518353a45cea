"""SVG to pixels."""

import io
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 160
LEAST_OPACITY = 4.0
"""Mean opacity, 0..255, below which a drawing counts as empty."""


def rasterise(svg: str) -> NDArray[np.uint8] | None:
    """Draw an SVG into (4, 160, 160) RGBA, centred and as large as fits; None if nothing is to be seen."""
    renderer = import_module("resvg_py")  # when needed: the cached pictures can be used without it
    try:
        png = bytes(renderer.svg_to_bytes(svg_string=svg, width=SIDE_PX, height=SIDE_PX))
    except ValueError:  # what the renderer cannot read
        return None
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    if image.size != (SIDE_PX, SIDE_PX):
        image.thumbnail((SIDE_PX, SIDE_PX))
        square = Image.new("RGBA", (SIDE_PX, SIDE_PX))
        square.paste(image, ((SIDE_PX - image.width) // 2, (SIDE_PX - image.height) // 2))
        image = square
    pixels = np.asarray(image)
    if pixels[..., 3].mean() < LEAST_OPACITY:
        return None
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
