"""How a repainted patch is joined to the untouched picture: one file per method, all under one law.

Law: where the mask is 0 the result has the picture's bytes. `BlendOptions.outward_px` is the one exception: a user
who asks for a ring outside the mask gets one, and beyond the ring the law holds again.

    blend = BLENDS["feather"](BlendOptions(radius_px=12))
    result = blend(picture, patch, mask)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from retouch.arrays import RGB, Mask
from retouch_models.registry import Registry


@dataclass(frozen=True, kw_only=True)
class BlendOptions:
    """Every blend takes the same options and reads those it knows."""

    radius_px: float = 8.0
    """Width of the fade inside the mask, in picture pixels; 0 is a hard edge."""
    outward_px: float = 0.0
    """Width of the ring outside the mask that may change too; 0 keeps every unmasked byte."""
    levels: int = 5
    """Octaves of the Laplacian pyramid."""
    robust: bool = True
    """Whether the Poisson membrane ignores border pixels where picture and patch show different things."""


class Blend(Protocol):
    """Joins a patch to a picture."""

    def __call__(self, picture: RGB, patch: RGB, mask: Mask) -> RGB:
        """Return a new picture; all three arrays show the same crop at the same size."""
        ...


BlendFactory: TypeAlias = Callable[[BlendOptions], Blend]

BLENDS: Registry[BlendFactory] = Registry("retouch.blend", "blend")
