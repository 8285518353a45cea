"""The arrays a person paints on, each named once."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask8: TypeAlias = NDArray[np.uint8]
"""What to repaint while it is being painted, (H, W), 0 keep .. 255 repaint."""

Sketch: TypeAlias = NDArray[np.uint8]
"""Colour strokes above the picture, (H, W, 4): sRGB and opacity, 255 or 0; never part of the mask.

Where the opacity is 0 the colour is 0 too.
"""

Point: TypeAlias = tuple[float, float]
"""A place on the picture, (x, y) in pixels; the centre of the first pixel is (0.5, 0.5)."""

Colour: TypeAlias = tuple[int, int, int]
"""An sRGB colour, 0..255 each."""
