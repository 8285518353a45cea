"""The picture of the first start."""

from pathlib import Path

import numpy as np

import retouch_models
from retouch.arrays import RGB
from retouch.errors import PictureError
from retouch_tui.files import open_picture, seen

SIDE_PX = 256


def sample_picture() -> RGB:
    """Return the picture that ships with the product, (H, W, 3); a drawn one if it is missing."""
    path = Path(retouch_models.__file__).parent / "sample" / "picture.png"
    try:
        return seen(open_picture(path)[0])
    except PictureError:
        return drawn_picture()


def drawn_picture() -> RGB:
    """Draw a sky, two hills and a sun."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    picture = np.empty((SIDE_PX, SIDE_PX, 3), np.uint8)
    picture[...] = np.stack([110 + 110 * y, 170 + 60 * y, 225 + 20 * y], axis=2)
    picture[(x - 0.72) ** 2 + (y - 0.24) ** 2 < 0.011] = (250, 214, 92)
    picture[y > 0.66 + 0.10 * np.sin(5 * x + 1)] = (112, 158, 96)
    picture[y > 0.80 + 0.07 * np.sin(4 * x + 3)] = (78, 128, 84)
    return picture
