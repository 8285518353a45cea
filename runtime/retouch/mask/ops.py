"""Change masks: grow, shrink, fade, clean and combine.

A mask is (H, W) float32, 0 keep .. 1 repaint. Soft values are kept soft. Lengths are picture pixels.
Every function returns a new mask and works only on the window that can change.
"""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.arrays import Mask
from retouch.canvas import size_of
from retouch.errors import UsageError
from retouch.geometry import Box
from retouch.mask.dilate import dilate_grey
from retouch.regions import bounds

Side = Literal["in", "out", "both"]

TOUCH = 1e-3
"""Slack when distances, square roots in float32, are compared with a radius."""


def union(one: Mask, two: Mask) -> Mask:
    """Both areas: the larger value."""
    return np.maximum(one, two)


def intersect(one: Mask, two: Mask) -> Mask:
    """What is in both: the smaller value."""
    return np.minimum(one, two)


def subtract(one: Mask, two: Mask) -> Mask:
    """The first without the second: min(a, 1 - b). A soft value taken from itself leaves at most 0.5."""
    rest: Mask = np.minimum(one, np.float32(1) - two)
    return rest


def invert(mask: Mask) -> Mask:
    """Swap keep and repaint."""
    return np.float32(1) - mask


def threshold(mask: Mask, level: float) -> Mask:
    """1 where the mask is at least `level` (above 0, up to 1), else 0."""
    if not 0 < level <= 1:
        raise UsageError(f"a threshold must be above 0 and at most 1, not {level:g}")
    return (mask >= np.float32(level)).astype(np.float32)


def expand(mask: Mask, radius_px: float) -> Mask:
    """Grow by a disc: each pixel takes the largest value within `radius_px` (between pixel centres)."""
    _check_length(radius_px)
    box = bounds(mask).pad(int(radius_px) + 1).clamp(size_of(mask))
    if box.empty or radius_px < 1:
        return mask.copy()
    return _with_window(mask, box, _dilated(mask[box.slices], radius_px))


def shrink(mask: Mask, radius_px: float) -> Mask:
    """Shrink by a disc: each pixel takes the smallest value within `radius_px`; the picture's edge does not eat."""
    _check_length(radius_px)
    box = bounds(mask).pad(1).clamp(size_of(mask))
    if box.empty or radius_px < 1:
        return mask.copy()
    return _with_window(mask, box, invert(_dilated(invert(mask[box.slices]), radius_px)))


def feather(mask: Mask, radius_px: float, side: Side = "in") -> Mask:
    """Fade the edge linearly over `radius_px`.

    `in` fades inside the mask, so no further pixel changes; `out` fades around it, so the whole mask stays as
    strong as it was; `both` fades across, with a half at the edge. Soft values are scaled by the fade.
    """
    _check_length(radius_px)
    box = bounds(mask).pad(int(radius_px) + 2).clamp(size_of(mask))
    if box.empty or radius_px == 0:
        return mask.copy()
    window = mask[box.slices]
    fade = _FADES[side](window > 0, np.float32(radius_px))
    values = window if side == "in" else _extended(window)
    return _with_window(mask, box, values * fade)


def fill_holes(mask: Mask) -> Mask:
    """Fill what the mask surrounds; a hole takes the largest value on its rim. Bays at the picture's edge stay."""
    box = bounds(mask)
    if box.empty:
        return mask.copy()
    window = mask[box.slices]
    empty = np.pad((window == 0).astype(np.uint8), 1, constant_values=1)
    count, labels = cv2.connectedComponents(empty, connectivity=4)
    holes = labels[1:-1, 1:-1]
    inside = (holes > 0) & (holes != labels[0, 0])
    rim = cv2.dilate(window, np.ones((3, 3), np.uint8))
    peak = np.zeros(count, np.float32)
    np.maximum.at(peak, holes[inside], rim[inside])
    return _with_window(mask, box, np.where(inside, peak[holes], window))


def drop_specks(mask: Mask, length_px: float) -> Mask:
    """Remove connected areas (8 neighbours) that are nowhere as wide or as high as `length_px`."""
    _check_length(length_px)
    box = bounds(mask)
    if box.empty:
        return mask.copy()
    window = mask[box.slices]
    _, labels, stats, _ = cv2.connectedComponentsWithStats((window > 0).astype(np.uint8), connectivity=8)
    keep = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) >= length_px
    return _with_window(mask, box, window * keep[labels])


def area(mask: Mask) -> int:
    """Pixels above 0."""
    return int(np.count_nonzero(mask))


def is_binary(mask: Mask) -> bool:
    """Whether every value is 0 or 1."""
    return bool(((mask == 0) | (mask == 1)).all())


def _check_length(length_px: float) -> None:
    if not 0 <= length_px <= 1 << 20:
        raise UsageError(f"a length must be 0 or more pixels, not {length_px:g}")


def _with_window(mask: Mask, box: Box, window: Mask) -> Mask:
    """A mask of zeros with new values in a box that holds all of the old ones."""
    result = np.zeros_like(mask)
    result[box.slices] = window
    return result


def _distance(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each pixel in the set to the nearest one outside it, between pixel centres; 0 outside the set.

    Felzenszwalb & Huttenlocher 2012, which OpenCV uses for its precise mode. Where nothing is outside the set
    the distance is huge.
    """
    distance: NDArray[np.float32] = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance


def _dilated(window: Mask, radius_px: float) -> Mask:
    """Dilation by a disc: by distance if the mask is binary, else row by row."""
    if is_binary(window):
        return (_distance(window == 0) <= radius_px + TOUCH).astype(np.float32)
    return dilate_grey(window, radius_px)


def _extended(window: Mask) -> Mask:
    """Outside the mask, the value of the nearest masked pixel."""
    if is_binary(window):
        return np.ones_like(window)
    empty = (window == 0).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    values = np.zeros(int(labels.max()) + 1, np.float32)
    values[labels[empty == 0]] = window[empty == 0]
    return values[labels]


def _fade_in(inside: NDArray[np.bool_], radius: np.float32) -> Mask:
    fade: Mask = np.minimum(_distance(inside) / (radius + 1), 1, dtype=np.float32)
    return fade


def _fade_out(inside: NDArray[np.bool_], radius: np.float32) -> Mask:
    fade: Mask = np.maximum(1 - _distance(~inside) / (radius + 1), 0, dtype=np.float32)
    return fade


def _fade_both(inside: NDArray[np.bool_], radius: np.float32) -> Mask:
    half = np.float32(0.5)
    signed = np.where(inside, _distance(inside) - half, half - _distance(~inside))
    fade: Mask = np.clip(half + signed / radius, 0, 1, dtype=np.float32)
    return fade


_FADES: dict[Side, Callable[[NDArray[np.bool_], np.float32], Mask]] = {
    "in": _fade_in,
    "out": _fade_out,
    "both": _fade_both,
}
