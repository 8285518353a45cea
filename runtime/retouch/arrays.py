"""The arrays of the product, each named once: shape, dtype and range."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

RGB: TypeAlias = NDArray[np.uint8]
"""A picture, (H, W, 3), 0..255."""

Alpha: TypeAlias = NDArray[np.uint8]
"""Opacity of a picture, (H, W), 0 transparent .. 255 opaque."""

Mask: TypeAlias = NDArray[np.float32]
"""What to repaint, (H, W), 0 keep .. 1 repaint."""

Latents: TypeAlias = NDArray[np.float32]
"""Latents or noise, (1, C, h/f, w/f): one picture, C channels, f pixels per latent cell."""

Sigmas: TypeAlias = NDArray[np.float64]
"""Noise levels of a run, (steps + 1,), falling, the last one 0."""
