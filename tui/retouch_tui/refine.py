"""Whole-mask operations of the toolbox, each with its line of the mask language."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Mask
from retouch.geometry import Box
from retouch.mask import ops
from retouch_tui.layers import Mask8
from retouch_tui.shapes import masked_box

RADIUS_PX = 4
SPECK_PX = 6


def to_float(mask: Mask8) -> Mask:
    """Bring a painted mask to the runtime's range, 0..1 float32."""
    scaled: Mask = mask.astype(np.float32) / np.float32(255)
    return scaled


def to_bytes(mask: Mask) -> Mask8:
    """Bring a mask of the runtime to 0..255."""
    scaled: Mask8 = np.rint(mask * np.float32(255)).astype(np.uint8)
    return scaled


@dataclass(frozen=True)
class Refinement:
    """One operation: what it is called in the undo list, its line, and what it does."""

    label: str
    line: str
    operation: Callable[[Mask], Mask]

    def __call__(self, mask: Mask8) -> Mask8:
        """Return the changed mask."""
        return to_bytes(self.operation(to_float(mask)))


REFINEMENTS = {
    "invert": Refinement("invert", "| invert", ops.invert),
    "expand": Refinement("grow", f"| expand {RADIUS_PX}", lambda m: ops.expand(m, RADIUS_PX)),
    "shrink": Refinement("shrink", f"| shrink {RADIUS_PX}", lambda m: ops.shrink(m, RADIUS_PX)),
    "feather": Refinement("feather", f"| feather {RADIUS_PX} in", lambda m: ops.feather(m, RADIUS_PX, "in")),
    "fill-holes": Refinement("fill holes", "| fill-holes", ops.fill_holes),
    "drop-specks": Refinement("drop specks", f"| drop-specks {SPECK_PX}", lambda m: ops.drop_specks(m, SPECK_PX)),
    "clear": Refinement("clear", "", np.zeros_like),
}
"""All operations by the name that actions use; `clear` begins the script anew."""


def areas(mask: Mask8) -> tuple[int, NDArray[np.int32]]:
    """Count the separate areas and label them: int32 (H, W), 0 where nothing is masked."""
    count, labels = cv2.connectedComponents((mask > 0).astype(np.uint8), connectivity=8)
    return count - 1, labels


def separate(mask: Mask8) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """Yield the box of each separate area, and which of its pixels belong to it; in the order of `areas`."""
    found = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    labels, stats = found[1], found[2]
    for label, (left, top, width, height) in enumerate(stats[1:, :4].tolist(), 1):
        box = Box(left, top, left + width, top + height)
        yield box, labels[box.slices] == label


def area_count(mask: Mask8) -> int:
    """Count the separate areas, looking only where something is masked."""
    box = masked_box(mask)
    return 0 if box.empty else areas(mask[box.slices])[0]
