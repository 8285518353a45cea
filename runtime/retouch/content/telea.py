"""The hole closed from its edge inwards, each pixel from its known neighbours."""

import cv2

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT
from retouch.content._hole import filled


@CONTENT.register
def telea(image: RGB, mask: Mask, seed: int) -> RGB:  # noqa: ARG001  (the protocol's signature)
    """Fill by fast marching (Telea 2004, "An image inpainting technique based on the fast marching method")."""
    return filled(image, mask, cv2.INPAINT_TELEA)
