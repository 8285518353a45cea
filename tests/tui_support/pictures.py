"""Small pictures drawn by arithmetic."""

import numpy as np

from retouch.arrays import RGB


def landscape(width: int = 96, height: int = 64) -> RGB:
    """A sky, a hill and a sun: flat areas with clear edges, (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:] = (120, 180, 230)
    picture[y > height * 0.7 - np.sin(x / width * np.pi) * height * 0.25] = (70, 140, 70)
    picture[(x - width * 0.75) ** 2 + (y - height * 0.25) ** 2 < (height * 0.14) ** 2] = (250, 220, 90)
    return picture
