"""Mid grey: the value 0 of the model's pixels, what inpainting models see under their mask."""

import numpy as np

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT
from retouch.opacity import mix


@CONTENT.register
def neutral(image: RGB, mask: Mask, seed: int) -> RGB:  # noqa: ARG001  (the protocol's signature)
    """Paint the masked area grey."""
    return mix(image, np.full_like(image, 127), mask)
