"""The picture as it is: the model starts from what stands there."""

from retouch.arrays import RGB, Mask
from retouch.content import CONTENT


@CONTENT.register
def original(image: RGB, mask: Mask, seed: int) -> RGB:  # noqa: ARG001  (the protocol's signature)
    """Keep what is under the mask."""
    return image.copy()
