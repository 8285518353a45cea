"""What a mask comes to: how much of the picture it takes, in how many areas."""

from dataclasses import dataclass

import cv2

from retouch_tui.layers import Mask8
from retouch_tui.refine import area_count


@dataclass(frozen=True, kw_only=True)
class MaskFigures:
    """The figures below the tools."""

    share: float = 0.0
    """Part of the picture, 0..1."""
    areas: int = 0

    @classmethod
    def of(cls, mask: Mask8) -> "MaskFigures":
        """Count a mask."""
        return cls(share=masked_share(mask), areas=area_count(mask))


def masked_share(mask: Mask8) -> float:
    """Part of the picture that is masked at all, 0..1."""
    return cv2.countNonZero(mask) / mask.size
