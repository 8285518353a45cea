"""The hole closed by letting lines of equal brightness flow in."""

import cv2

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT
from retouch.content._hole import filled


@CONTENT.register
def navier_stokes(image: RGB, mask: Mask, seed: int) -> RGB:  # noqa: ARG001  (the protocol's signature)
    """Fill by fluid dynamics (Bertalmio, Bertozzi & Sapiro 2001, "Navier-Stokes, fluid dynamics …")."""
    return filled(image, mask, cv2.INPAINT_NS)
