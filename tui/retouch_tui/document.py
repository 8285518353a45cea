"""What is being edited: a picture, the mask on it, colour strokes, the script of both, and the way back.

Methods that end in -ing only work out what would be, and may run in a thread while the document stays as it is;
`land` puts their outcome in place. The others do both at once.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB
from retouch.errors import UsageError
from retouch.geometry import Box, Size
from retouch_tui.landing import Block, Landing, Layers, landing
from retouch_tui.layers import Colour, Mask8, Sketch
from retouch_tui.mask_figures import masked_share
from retouch_tui.shapes import Ground, Shape, masked_box
from retouch_tui.stroke import Layer, Stroke
from retouch_tui.undo import Change, Difference, Piece, Reframe, Snapshot, Timeline

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
    def layers(self) -> Layers:
        """All that steps change."""
        return Layers(self.picture, self.mask, self.sketch, self.lines)

    @property
    def masked_share(self) -> float:
        """Part of the picture that is masked, 0..1."""
        return masked_share(self.mask)

    @property
    def ground(self) -> Ground:
        """What shapes look at."""
        return Ground(self.picture, self.mask)

    def composite(self) -> RGB:
        """Return the picture with the colour strokes on it; the picture itself where there are none."""
        if self.sketch is None or not self.sketch[..., 3].any():
            return self.picture
        return self.composite_block(self.whole)

    def composite_block(self, box: Box) -> RGB:
        """Return `composite` of one box only."""
        block = self.picture[box.slices]
        if self.sketch is None:
            return block
        over = self.sketch[box.slices]
        amount = over[..., 3:].astype(np.uint16)
        return ((block * (255 - amount) + over[..., :3] * amount + 127) // 255).astype(np.uint8)

    # -- steps ------------------------------------------------------------------------------------------------

    def stroke(self, layer: Layer, *, erase: bool, colour: Colour = (255, 0, 0)) -> Stroke:
        """Begin a stroke that is painted while it grows; `recording` makes it a step."""
        if layer == "sketch" and self.sketch is None:
            self.sketch = np.zeros((*self.picture.shape[:2], 4), np.uint8)
        target = self.mask if layer == "mask" or self.sketch is None else self.sketch
        return Stroke(target, layer, erase=erase, colour=colour)

    def recording(self, stroke: Stroke, label: str, line: str) -> Landing | None:
        """Make a step of a stroke that has ended; None if it painted nothing."""
        after = (*self.lines, line)
        step = stroke.change(label, self.lines, after)
        return None if step is None else Landing(label=label, box=step.box, lines=after, step=step)

    def drawing(self, shape: Shape, label: str, *, erase: bool) -> Landing | None:
        """Draw a shape into the mask as one step, with its line; None if it lies outside the picture."""
        cover = shape.cover(self.ground)
        if cover is None:
            return None
        before = self.mask[cover.box.slices]
        after = np.minimum(before, 255 - cover.amount) if erase else np.maximum(before, cover.amount)
        line = f"{'-' if erase else '+'} {shape.text(self.ground)}"
        return self._masking(Block(cover.box, after), label, (*self.lines, line))

    def replacing(self, mask: Mask8, label: str, lines: tuple[str, ...]) -> Landing | None:
        """Put another mask of the same size in place; None if nothing would change."""
        if mask.shape != self.mask.shape:
            raise UsageError(f"a mask of {mask.shape[1]}x{mask.shape[0]} does not fit this picture; resize it first")
        box = masked_box(self.mask ^ mask)
        if box.empty and lines == self.lines:
            return None
        return self._masking(Block(box, mask[box.slices]), label, lines)

    def clearing(self, label: str, lines: tuple[str, ...], *, mask: bool = True) -> Landing | None:
        """Wipe all colour strokes off, and the mask too if asked; None if there is nothing."""
        blocks, pieces = _emptied(self.mask) if mask else ((), ())
        over, strokes = ((), ()) if self.sketch is None else _emptied(self.sketch)
        if not (blocks or over or (mask and lines != self.lines)):
            return None
        boxes = [block.box for block in (*blocks, *over)]
        box = boxes[0].union(boxes[-1]) if boxes else Box(0, 0, 0, 0)
        step = Change(label, box, self.lines, lines, mask=pieces, sketch=strokes)
        return landing(self.layers, label, box, lines, mask=blocks, sketch=over, step=step)

    def wiping(self) -> Landing | None:
        """Wipe all colour strokes off; None if there are none."""
        lines = tuple(line for line in self.lines if not line.startswith(SKETCH_LINE))
        return self.clearing("clear colours", lines, mask=False)

    def reframing(self, picture: RGB, mask: Mask8, label: str, line: str) -> Landing:
        """Go on with a picture of another size, masked anew; colour strokes stay behind."""
        after = Layers(picture, mask.copy(), None, (line,) if line else ())
        step = Reframe(label, Snapshot.of(self.layers), Snapshot.of(after))
        return Landing(label=label, box=after.whole, lines=after.lines, layers=after, step=step)

    def undoing(self) -> Landing | None:
        """Take the last step back; None if there is none."""
        past = self.timeline.past
        return replace(past[-1].undone(self.layers), travel="back") if past else None

    def redoing(self) -> Landing | None:
        """Do the last undone step again; None if there is none."""
        future = self.timeline.future
        return replace(future[-1].redone(self.layers), travel="on") if future else None

    def _masking(self, block: Block, label: str, lines: tuple[str, ...]) -> Landing:
        difference = Difference.between(self.mask[block.box.slices], block.pixels)
        step = Change(label, block.box, self.lines, lines, mask=(Piece(block.box, difference),))
        return landing(self.layers, label, block.box, lines, mask=(block,), step=step)

    def land(self, outcome: Landing | None) -> Box | None:
        """Put in place what was worked out on the present layers; returns what looks different."""
        if outcome is None:
            return None
        if outcome.layers is not None:
            found = outcome.layers
            self.picture, self.mask, self.sketch = found.picture, found.mask, found.sketch
        for block in outcome.mask:
            self.mask[block.box.slices] = block.pixels
        if self.sketch is not None:
            for block in outcome.sketch:
                self.sketch[block.box.slices] = block.pixels
        self.lines = outcome.lines
        if outcome.step is not None:
            self.timeline.add(outcome.step)
        elif outcome.travel == "back":
            self.timeline.stepped_back()
        elif outcome.travel == "on":
            self.timeline.stepped_on()
        self.revision += 1
        return outcome.box

    # -- steps at once ----------------------------------------------------------------------------------------

    def replace_mask(self, mask: Mask8, label: str, lines: tuple[str, ...]) -> Box | None:
        """Put another mask of the same size in place."""
        return self.land(self.replacing(mask, label, lines))

    def clear_sketch(self) -> Box | None:
        """Wipe all colour strokes off."""
        return self.land(self.wiping())

    def reframe(self, picture: RGB, mask: Mask8, label: str, line: str) -> None:
        """Go on with a picture of another size."""
        self.land(self.reframing(picture, mask, label, line))

    def rebase(self, picture: RGB) -> None:
        """Take a result of the same size as the picture to go on with; the mask and its history stay."""
        if picture.shape != self.picture.shape:
            raise UsageError("that picture has another size; open it from the history instead")
        self.picture = picture
        self.revision += 1

    def undo(self) -> tuple[str, Box] | None:
        """Take the last step back; returns its label and what changed."""
        return self._travelled(self.undoing())

    def redo(self) -> tuple[str, Box] | None:
        """Do the last undone step again."""
        return self._travelled(self.redoing())

    def _travelled(self, outcome: Landing | None) -> tuple[str, Box] | None:
        if outcome is None:
            return None
        self.land(outcome)
        return outcome.label, outcome.box


def _emptied(layer: NDArray[np.uint8]) -> tuple[tuple[Block, ...], tuple[Piece, ...]]:
    """What makes a layer empty, and takes it back; nothing for one that is empty."""
    opaque = layer if layer.ndim == 2 else np.ascontiguousarray(layer[..., 3])
    box = masked_box(opaque)
    if box.empty:
        return (), ()
    old = layer[box.slices]
    new = np.zeros_like(old)
    return (Block(box, new),), (Piece(box, Difference.between(old, new)),)
