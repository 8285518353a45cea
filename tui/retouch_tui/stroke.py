"""A stroke under way: painted into a layer at once, piece by piece, and taken back as quickly."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retouch.geometry import Box, Size
from retouch_tui.layers import Colour
from retouch_tui.shapes import BrushShape, Cover, tail
from retouch_tui.undo import Change, Difference, Piece

Layer = Literal["mask", "sketch"]

TILE_PX = 256
"""What a stroke painted over is kept in squares of this side: a dab on a large picture costs a few of them."""


class Stroke:
    """The trace of a pen while it grows; `change` says what it did once it has ended."""

    def __init__(self, target: NDArray[np.uint8], layer: Layer, *, erase: bool, colour: Colour) -> None:
        """Paint into `target`, the mask (H, W) or the sketch (H, W, 4)."""
        self.layer: Layer = layer
        self.touched: Box | None = None
        """Around all that was painted."""
        self._target = target
        self._size = Size(target.shape[1], target.shape[0])
        self._ink = (0, 0, 0, 0) if erase else (*colour, 255)
        self._erase = erase
        self._kept: dict[Box, NDArray[np.uint8]] = {}
        self._seen = 0
        self._only_a_dot = False

    @property
    def pixels(self) -> int:
        """Count the pixels that `change` must look at."""
        return sum(tile.area for tile in self._kept)

    def draw(self, shape: BrushShape) -> Box | None:
        """Paint what is new of a path that has grown; returns what looks different."""
        changed = self.abandon() if self._only_a_dot else None
        new, self._seen = tail(shape, self._seen), len(shape.points)
        for cover in new.covers(self._size):
            changed = self._paint(cover, changed)
        dot = None if self.touched is not None else shape.dot(self._size)
        self._only_a_dot = dot is not None
        return changed if dot is None else self._paint(dot, changed)

    def _paint(self, cover: Cover, changed: Box | None) -> Box:
        for tile in tiles(cover.box, self._size):
            if tile not in self._kept:
                self._kept[tile] = self._target[tile.slices].copy()
        block = self._target[cover.box.slices]
        if self.layer == "sketch":
            np.copyto(block, np.array(self._ink, np.uint8), where=(cover.amount > 0)[..., None])
        elif self._erase:
            np.minimum(block, 255 - cover.amount, out=block)
        else:
            np.maximum(block, cover.amount, out=block)
        self.touched = cover.box if self.touched is None else self.touched.union(cover.box)
        return cover.box if changed is None else changed.union(cover.box)

    def abandon(self) -> Box | None:
        """Take the stroke off again; returns what looks different."""
        for tile, before in self._kept.items():
            self._target[tile.slices] = before
        box, self.touched = self.touched, None
        self._kept.clear()
        return box

    def change(self, label: str, before: tuple[str, ...], after: tuple[str, ...]) -> Change | None:
        """Compress what the stroke did; None if it painted nothing."""
        if self.touched is None:
            return None
        pieces = tuple(
            Piece(tile, Difference.between(old, self._target[tile.slices])) for tile, old in self._kept.items()
        )
        mask, sketch = (pieces, ()) if self.layer == "mask" else ((), pieces)
        return Change(label, self.touched, before, after, mask=mask, sketch=sketch)


def tiles(box: Box, size: Size) -> Iterator[Box]:
    """Yield the squares of a fixed grid that a box touches, cut at the picture's edge."""
    for top in range(box.top // TILE_PX * TILE_PX, box.bottom, TILE_PX):
        for left in range(box.left // TILE_PX * TILE_PX, box.right, TILE_PX):
            yield Box(left, top, left + TILE_PX, top + TILE_PX).clamp(size)
