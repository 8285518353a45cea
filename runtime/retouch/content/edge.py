"""The kept pixels on the edge drawn out into the hole, for pictures that grow at their sides."""

import numpy as np

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT
from retouch.content._nearest import nearest_kept
from retouch.opacity import mix


@CONTENT.register
def edge(image: RGB, mask: Mask, seed: int) -> RGB:  # noqa: ARG001  (the protocol's signature)
    """Give each masked pixel the colour of the nearest kept one."""
    hole = mask > 0
    if hole.all():
        return np.full_like(image, 127)
    patch = image.copy()
    rows, cols = np.nonzero(hole)
    patch[rows, cols] = image[nearest_kept(hole, rows, cols)]
    return mix(image, patch, mask)
