"""What stands under the mask before the picture is encoded: one file per kind, unmasked pixels always untouched."""

from typing import Protocol

from retouch.arrays import RGB, Mask
from retouch_models.registry import Registry


class Content(Protocol):
    """Fills the masked part of a picture."""

    def __call__(self, image: RGB, mask: Mask, seed: int) -> RGB:
        """Return a new picture; pixels at mask 0 keep their bytes and soft ones are mixed by the mask."""
        ...


CONTENT: Registry[Content] = Registry("retouch.content", "masked content")
