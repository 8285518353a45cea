"""What is being edited: a picture, the mask on it, colour strokes, the script of both, and the way back."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB
from retouch.errors import UsageError
from retouch.geometry import Box, Size
from retouch_tui.layers import Colour, Mask8, Sketch
from retouch_tui.shapes import Cover, Ground, Shape, tail
from retouch_tui.undo import Change, Difference, Reframe, Snapshot, Timeline

Layer = Literal["mask", "sketch"]

SKETCH_LINE = "# colour"
"""Colour strokes stand in the script as comments, since they never are mask."""


class Document:
    """Picture, mask and sketch of one size; every change but a new base can be undone."""

    def __init__(self, picture: RGB) -> None:
        """Begin with nothing masked."""
        self.picture = picture
        self.mask: Mask8 = np.zeros(picture.shape[:2], np.uint8)
        self.sketch: Sketch | None = None
        self.lines: tuple[str, ...] = ()
        self.timeline = Timeline()
        self.revision = 0
        """Counts changes; compare two values to know whether something changed."""

    @property
    def size(self) -> Size:
        """Size of the picture."""
        return Size(self.picture.shape[1], self.picture.shape[0])

    @property
    def whole(self) -> Box:
        """The box of the picture."""
        return Box.of(self.size)

    @property
    def masked_share(self) -> float:
        """Part of the picture that is masked, 0..1."""
        return float(np.count_nonzero(self.mask)) / self.mask.size

    @property
    def ground(self) -> Ground:
        """What shapes look at."""
        return Ground(self.picture, self.mask)

    def composite(self) -> RGB:
        """Return the picture with the colour strokes on it; the picture itself where there are none."""
        if self.sketch is None or not self.sketch[..., 3].any():
            return self.picture
        amount = self.sketch[..., 3:].astype(np.uint16)
        mixed = (self.picture * (255 - amount) + self.sketch[..., :3] * amount + 127) // 255
        return mixed.astype(np.uint8)

    def composite_block(self, box: Box) -> RGB:
        """Return `composite` of one box only."""
        block = self.picture[box.slices]
        if self.sketch is None:
            return block
        over = self.sketch[box.slices]
        amount = over[..., 3:].astype(np.uint16)
        return ((block * (255 - amount) + over[..., :3] * amount + 127) // 255).astype(np.uint8)

    def stroke(self, layer: Layer, *, erase: bool, colour: Colour = (255, 0, 0)) -> "Stroke":
        """Begin a stroke that is shown while it grows."""
        if layer == "sketch" and self.sketch is None:
            self.sketch = np.zeros((*self.picture.shape[:2], 4), np.uint8)
        return Stroke(self, layer, erase=erase, colour=colour)

    def draw(self, shape: Shape, line: str, *, layer: Layer = "mask", erase: bool = False) -> Box | None:
        """Draw one shape as one step."""
        stroke = self.stroke(layer, erase=erase)
        stroke.draw(shape)
        return stroke.commit(line, line.split(" ")[0])

    def refine(self, label: str, line: str, operation: Callable[[Mask8], Mask8]) -> Box | None:
        """Change the whole mask by a function; returns what changed, None if nothing."""
        return self.replace_mask(operation(self.mask), label, (*self.lines, line))

    def replace_mask(self, mask: Mask8, label: str, lines: tuple[str, ...]) -> Box | None:
        """Put another mask of the same size in place."""
        if mask.shape != self.mask.shape:
            raise UsageError(f"a mask of {mask.shape[1]}x{mask.shape[0]} does not fit this picture; resize it first")
        box = differing(self.mask, mask)
        if box is None and lines == self.lines:
            return None
        box = Box(0, 0, 0, 0) if box is None else box
        before = self.mask[box.slices].copy()
        self.mask[box.slices] = mask[box.slices]
        change = Difference.between(before, self.mask[box.slices])
        self._record(Change(label, box, change, None, self.lines, lines))
        self.lines = lines
        return box

    def clear_sketch(self) -> Box | None:
        """Wipe all colour strokes off."""
        if self.sketch is None or not self.sketch.any():
            return None
        after = tuple(line for line in self.lines if not line.startswith(SKETCH_LINE))
        change = Difference.between(self.sketch, np.zeros_like(self.sketch))
        self._record(Change("clear colours", self.whole, None, change, self.lines, after))
        self.sketch[:] = 0
        self.lines = after
        return self.whole

    def reframe(self, picture: RGB, mask: Mask8, label: str, line: str) -> None:
        """Go on with a picture of another size, masked anew; colour strokes stay behind."""
        before = Snapshot.of(self)
        self.picture, self.mask, self.sketch = picture, mask.copy(), None
        self.lines = (line,) if line else ()
        self._record(Reframe(label, before, Snapshot.of(self)))

    def rebase(self, picture: RGB) -> None:
        """Take a result of the same size as the picture to go on with; the mask and its history stay."""
        if picture.shape != self.picture.shape:
            raise UsageError("that picture has another size; open it from the history instead")
        self.picture = picture
        self.revision += 1

    def undo(self) -> tuple[str, Box] | None:
        """Take the last step back; returns its label and what changed."""
        self.revision += 1
        return self.timeline.undo(self)

    def redo(self) -> tuple[str, Box] | None:
        """Do the last undone step again."""
        self.revision += 1
        return self.timeline.redo(self)

    def _record(self, step: Change | Reframe) -> None:
        self.timeline.add(step)
        self.revision += 1


class Stroke:
    """A stroke under way: drawn into the document at once, recorded when it is committed."""

    def __init__(self, document: Document, layer: Layer, *, erase: bool, colour: Colour) -> None:
        """Keep the layer as it was."""
        self._document = document
        self._layer: Layer = layer
        self._erase = erase
        self._colour = colour
        self._before = self._target().copy()
        self._ground = Ground(document.picture, self._before if layer == "mask" else document.mask)
        self._touched: Box | None = None
        self._seen = 0

    @property
    def ground(self) -> Ground:
        """Picture and mask as they were when the stroke began."""
        return self._ground

    def _target(self) -> NDArray[np.uint8]:
        if self._layer == "mask":
            return self._document.mask
        assert self._document.sketch is not None  # made by Document.stroke
        return self._document.sketch

    def draw(self, shape: Shape) -> Box | None:
        """Show the shape as it is now and return what changed; a brush path only draws its new end."""
        points = getattr(shape, "points", ())
        grows = tail(shape, self._seen) is not shape
        cover = tail(shape, self._seen).cover(self._ground)
        self._seen = len(points)
        changed = None if grows else self._restore()
        if cover is None:
            return changed
        self._paint(cover)
        self._touched = cover.box if self._touched is None else self._touched.union(cover.box)
        return cover.box if changed is None else changed.union(cover.box)

    def _restore(self) -> Box | None:
        box, self._touched = self._touched, None
        if box is not None:
            self._target()[box.slices] = self._before[box.slices]
        return box

    def _paint(self, cover: Cover) -> None:
        block = self._target()[cover.box.slices]
        if self._layer == "mask":
            mixed = np.minimum(block, 255 - cover.amount) if self._erase else np.maximum(block, cover.amount)
            block[...] = mixed
        else:
            block[cover.amount > 0] = (0, 0, 0, 0) if self._erase else (*self._colour, 255)

    def commit(self, line: str, label: str) -> Box | None:
        """Record the stroke with its line; returns its box, None if it drew nothing."""
        box, document = self._touched, self._document
        if box is None:
            return None
        change = Difference.between(self._before[box.slices], self._target()[box.slices])
        mask, sketch = (change, None) if self._layer == "mask" else (None, change)
        after = (*document.lines, line)
        document._record(Change(label, box, mask, sketch, document.lines, after))
        document.lines = after
        return box

    def abandon(self) -> Box | None:
        """Take the unfinished stroke off again."""
        return self._restore()


def differing(before: Mask8, after: Mask8) -> Box | None:
    """Box around the pixels in which two masks of one size differ; None when they are equal."""
    changed = before != after
    rows = np.flatnonzero(changed.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(changed.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
