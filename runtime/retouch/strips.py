"""Plan how a picture grows: strip by strip from the picture outwards, each in pieces that the model can see at once.

Every window holds the strip and what is already painted beside it, and nothing unpainted but the strip itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from retouch.geometry import Box, Size
from retouch.resize import Margins

NEW_SHARE = 1 / 2
"""Most of a window's side that is new."""
CONTEXT_ALONG = 1 / 4
"""Least share of a window's side that shows the piece before, where a strip is painted in pieces."""
SHRUNK = 1.5
"""A strip longer than the model's native side is shrunk by at most this before it is painted in pieces."""


@dataclass(frozen=True)
class Strip:
    """One run: what it paints and what it sees, both in pixels of the grown canvas."""

    new: Box
    window: Box


def strips(old: Size, margins: Margins, native: int) -> tuple[Strip, ...]:
    """Plan the runs that paint the margins: left, right, top, bottom, each from the picture outwards."""
    box = Box.of(old).shift(margins.left, margins.top)
    found: list[Strip] = []
    for side in ("left", "right", "top", "bottom"):
        turned = side in ("top", "bottom")
        width = getattr(margins, side)
        while width > 0:
            side_px = _window_side(box.width if turned else box.height, native)
            runs = ceil(width / (side_px * NEW_SHARE))
            step = ceil(width / runs)
            found += _pieces(box, side, step, side_px)
            box = _grown(box, side, step)
            width -= step
    return tuple(found)


def _window_side(along: int, native: int) -> int:
    """Picture pixels that a window may span: the native side, or as much more as a long strip is shrunk by."""
    return max(native, min(along, round(native * SHRUNK)))


def _pieces(box: Box, side: str, step: int, window_side: int) -> Iterator[Strip]:
    """Cut one strip beside `box` into pieces from its start to its end, and give each its window."""
    turned = side in ("top", "bottom")
    start, length = (box.left, box.width) if turned else (box.top, box.height)
    shared = round(window_side * CONTEXT_ALONG)
    count = 1 if length <= window_side else ceil((length - shared) / (window_side - shared))
    piece = ceil((length - shared) / count)
    low = start
    for index in range(count):
        high = min(start + shared + (index + 1) * piece, start + length) if index + 1 < count else start + length
        seen = max(start, high - max(window_side, high - low))
        yield Strip(_beside(box, side, step, 0, low, high), _beside(box, side, step, window_side - step, seen, high))
        low = high


def _beside(box: Box, side: str, step: int, inward: int, low: int, high: int) -> Box:
    """A box on one side of another: `step` pixels outside it, at most `inward` inside, from low to high along it."""
    inward = min(inward, box.height if side in ("top", "bottom") else box.width)
    return {
        "left": Box(box.left - step, low, box.left + inward, high),
        "right": Box(box.right - inward, low, box.right + step, high),
        "top": Box(low, box.top - step, high, box.top + inward),
        "bottom": Box(low, box.bottom - inward, high, box.bottom + step),
    }[side]


def _grown(box: Box, side: str, step: int) -> Box:
    low, high = (box.left, box.right) if side in ("top", "bottom") else (box.top, box.bottom)
    return box.union(_beside(box, side, step, 0, low, high))
