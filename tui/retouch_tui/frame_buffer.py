"""What the canvas shows, cell by cell, and which cells a change touches; knows nothing of widgets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch.geometry import Box, Size
from retouch_tui.layers import Mask8
from retouch_tui.overlay import ACCENT, INKS, Ink, Label, Overlay, draw, inked, labels
from retouch_tui.raster import Look, Raster
from retouch_tui.terminal.cells import SPACE, Cells, GlyphMode, blank, half_cells, quadrant_cells, ramp_cells
from retouch_tui.terminal.colour import ColourDepth, Pixels, calm, codes, hold, nearest_cube
from retouch_tui.view import View

Touched: TypeAlias = NDArray[np.bool_]
"""Which cells of the canvas look different, (rows, columns)."""

NEAR = {ColourDepth.TRUECOLOUR: 2, ColourDepth.PALETTE: 3, ColourDepth.ANSI: 6, ColourDepth.NONE: 12}
"""Gaps of up to this many cells are written along: moving the cursor costs as many bytes."""

MOST = 0.5
"""Where more than this part of the canvas changed, rows are written whole: fewer moves, one pass of encoding."""

DAB_BYTES, RING_BYTES = 1_300, 500
"""What the cells of a dab may cost, and those of the ring that makes way; with the status line two kilobytes."""

COARSER = ((2.0, 16), (3.0, 32), (6.0, 48), (12.0, 72), (inf, 128), (inf, 255))
"""Tolerances of `calm` that are tried in turn, each where a dab costs at most so many times too much."""

MOVE_BYTES, BLOCK_BYTES = 12, 3
"""A move of the cursor with the reset before it, and a block character."""
COLOUR_BYTES = {ColourDepth.TRUECOLOUR: 17, ColourDepth.PALETTE: 9}
"""A colour, where there are enough of them that a dab may cost too much."""

STRONG = 85
"""Per cent of the tint where 16 colours would lose a mixture."""

NOTHING = 0
"""The glyph of a cell that nothing was drawn into."""

INK_CHARACTER = ord("o")
"""Draws the pointer where there are no colours; none of the picture's characters."""
LABEL_TEXT = (20, 20, 20)


@dataclass(frozen=True)
class Run:
    """Cells side by side in one row, last exclusive."""

    row: int
    first: int
    last: int


class FrameBuffer:
    """The cells of a canvas, kept so that only what looks different is written again."""

    def __init__(self, depth: ColourDepth, glyphs: GlyphMode) -> None:
        """Start empty, for a terminal with so many colours and such glyphs."""
        self.depth = depth
        self.glyphs = GlyphMode.HALF if depth is ColourDepth.NONE else glyphs
        self.raster: Raster | None = None
        self.look = Look()
        self.overlay = Overlay()
        self.view = View(columns=0, rows=0, zoom=1.0, centre=(0.0, 0.0), across=self.glyphs.across)
        self._take_size(Size(0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Take another size; everything must be repainted after it."""
        self._take_size(Size(columns, rows))

    def _take_size(self, size: Size) -> None:
        self.cells = blank(size.height, size.width, self.depth)
        self.coarse: Touched = np.zeros((size.height, size.width), np.bool_)
        height, width = size.height * 2, size.width * self.glyphs.across
        self._pixels: Pixels = np.zeros((height, width, 3), np.uint8)
        self._cover: Mask8 = np.zeros((height, width), np.uint8)
        self._ink: Ink = np.zeros((height, width), np.uint8)
        self._labels: tuple[Label, ...] = ()

    @property
    def whole(self) -> Box:
        """The canvas in view pixels."""
        return Box(0, 0, self._pixels.shape[1], self._pixels.shape[0])

    def repaint(self, tolerance: Callable[[int], int] = lambda _: 0) -> Touched:
        """Render everything; `tolerance` says for a number of cells how coarse they should be, 0 for exact.

        What looks the same stays as it is: a result that differs under its mask alone is no reason to make the
        rest of the picture coarse.
        """
        pixels, cover, ink, names = self._pixels.copy(), self._cover.copy(), self._ink, self._labels
        self._redraw_overlay()
        if self.raster is None or self.whole.empty:
            return np.zeros(self.cells.glyph.shape, np.bool_)
        self._take_pixels(self.whole)
        changed = (self._pixels != pixels).any(axis=2) | (self._cover != cover) | (self._ink != ink)
        rows, columns = self.cells.glyph.shape
        fresh = changed.reshape(rows, 2, columns, self.glyphs.across).any(axis=(1, 3)) | (self.cells.glyph == NOTHING)
        if self._labels != names:
            fresh[:] = True
        coarseness = tolerance(int(fresh.sum()))
        return self._encode(Box(0, 0, columns, rows), coarseness, fresh if coarseness else None)

    def repaint_box(self, box: Box, budget: int | None = None) -> Touched:
        """Render the cells that a picture box touches, and the outline of the mask around them.

        Where their exact colours cost more bytes than the budget they are coarse, until `refine`.
        """
        block = self.view.pixels_of(box, margin=1)
        if self.raster is None or block.empty:
            return np.zeros(self.cells.glyph.shape, np.bool_)
        pixels, cover = self._pixels[block.slices].copy(), self._cover[block.slices].copy()
        self._take_pixels(block)
        changed = (self._pixels[block.slices] != pixels).any(axis=2) | (self._cover[block.slices] != cover)
        cells = self.view.cells_of(block)
        fresh = changed.reshape(cells.height, 2, cells.width, self.glyphs.across).any(axis=(1, 3))
        return self._encode(cells, 0, fresh, budget)

    def next_coarse(self, row: int) -> int | None:
        """Return the first row from here on that is not exact; None when all are."""
        rows = np.flatnonzero(self.coarse[row:].any(axis=1))
        return row + int(rows[0]) if rows.size else None

    def refine(self, first_row: int, last_row: int) -> Touched:
        """Encode rows of cells once more, exactly."""
        across = self.glyphs.across
        return self._encode(Box(0, first_row, self._pixels.shape[1] // across, last_row), 0)

    def point(self, overlay: Overlay, *, sparing: bool = False) -> Touched:
        """Draw another overlay; the picture below it is not rendered again, and sparingly during a stroke."""
        self.overlay = overlay
        before = self._ink
        self._redraw_overlay()
        changed = self._ink != before
        rows, columns = np.nonzero(changed)
        if not rows.size:
            return np.zeros(self.cells.glyph.shape, np.bool_)
        inks = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        across = self.glyphs.across
        cells = Box(inks.left // across, inks.top // 2, -(-inks.right // across), -(-inks.bottom // 2))
        block = Box(cells.left * across, cells.top * 2, cells.right * across, cells.bottom * 2)
        fresh = changed[block.slices].reshape(cells.height, 2, cells.width, across).any(axis=(1, 3))
        return self._encode(cells, 0, fresh, RING_BYTES if sparing and overlay.painting else None)

    def _redraw_overlay(self) -> None:
        if self.raster is None:
            self._ink = np.zeros_like(self._ink)
            return
        scene = self.raster.scene
        self._ink = draw(self.view, self.overlay, [box for box, _ in scene.regions], scene.frame)
        self._labels = labels(self.view, scene.regions)

    def _take_pixels(self, block: Box) -> None:
        """Render a block, whose cells are still to be encoded."""
        assert self.raster is not None
        look = replace(self.look, strength=STRONG) if self.depth is ColourDepth.ANSI else self.look
        pixels, cover = self.raster.render(self.view, look, block)
        self._pixels[block.slices] = pixels
        self._cover[block.slices] = cover

    def _encode(self, cells: Box, tolerance: int, only: Touched | None = None, budget: int | None = None) -> Touched:
        """Turn view pixels into cells and say which look different; with `only`, leave the others as they are.

        Cells that would cost more bytes than the budget are made coarse.
        """
        old = self.cells.part(*cells.slices)
        chosen = np.ones(old.glyph.shape, np.bool_) if only is None else only
        fresh = self._lettered(self._as_cells(cells, tolerance), cells)
        changed = fresh.differ(old) & chosen
        exact = tolerance == 0
        if budget is not None and self.depth in COLOUR_BYTES:
            most = cost = weight(fresh, changed, self.depth)
            for times, step in COARSER:
                if cost > budget and most < times * budget:
                    exact = False
                    fresh = self._lettered(self._as_cells(cells, step, chosen), cells)
                    changed = fresh.differ(old) & chosen
                    cost = weight(fresh, changed, self.depth)
        self.coarse[cells.slices][chosen] = not exact
        for target, source in ((old.glyph, fresh.glyph), (old.fg, fresh.fg), (old.bg, fresh.bg)):
            np.copyto(target, source, where=changed)
        touched = np.zeros(self.cells.glyph.shape, np.bool_)
        touched[cells.slices] = changed
        return touched

    def _as_cells(self, cells: Box, tolerance: int, calmed: Touched | None = None) -> Cells:
        """Make cells: in runs of similar colour, or `calmed` ones of one colour each, where there is a tolerance."""
        across = self.glyphs.across
        block = Box(cells.left * across, cells.top * 2, cells.right * across, cells.bottom * 2)
        ink = self._ink[block.slices]
        if self.depth is ColourDepth.NONE:
            masked = self._cover[block.slices].reshape(cells.height, 2, cells.width, across)
            shown = ramp_cells(self._pixels[block.slices], masked.mean(axis=(1, 3)) >= 128, across)
            drawn = ink.reshape(cells.height, 2, cells.width, across).any(axis=(1, 3))
            glyph = np.where(drawn, np.uint8(INK_CHARACTER), shown.glyph)
            return Cells(glyph, shown.fg, shown.bg, shown.depth)
        seen = self._pixels[block.slices]
        held = hold(seen, tolerance) if calmed is None else self._calm(seen, calmed, tolerance)
        pixels = inked(held, ink)
        make = quadrant_cells if self.glyphs is GlyphMode.QUADRANT else half_cells
        return make(pixels, self.depth, cells.top, cells.left)

    def _calm(self, pixels: Pixels, where: Touched, tolerance: int) -> Pixels:
        """Make cells of one colour each, which no dither takes apart again."""
        calmed = calm(pixels, where, tolerance)
        if self.depth is not ColourDepth.PALETTE:
            return calmed
        wide = where.repeat(2, axis=0).repeat(self.glyphs.across, axis=1)
        return np.where(wide[..., None], nearest_cube(calmed), calmed)

    def _lettered(self, fresh: Cells, block: Box) -> Cells:
        """Write the labels above the cells of a block."""
        front, back = self._label_colours()
        for label in self._labels:
            if not block.top <= label.row < block.bottom:
                continue
            for column, character in enumerate(label.text, label.column):
                if block.left <= column < block.right:
                    at = (label.row - block.top, column - block.left)
                    fresh.glyph[at] = ord(character) if character.isascii() else ord("?")
                    fresh.fg[at], fresh.bg[at] = front, back
        return fresh

    def _label_colours(self) -> tuple[int, int]:
        pair = np.array([[LABEL_TEXT, INKS[ACCENT]]], np.uint8)
        front, back = codes(pair, self.depth, 0, 0)[0].tolist()
        return front, back


def weight(cells: Cells, touched: Touched, depth: ColourDepth) -> int:
    """Estimate the bytes that writing the touched cells takes, in a depth of COLOUR_BYTES."""
    written = touched.copy()
    for run in runs(touched, depth):
        written[run.row, run.first : run.last] = True
    before = np.zeros_like(written)
    before[:, 1:] = written[:, :-1]
    starts = written & ~before
    inked = written & (cells.glyph != SPACE)
    colours = sum(
        int((where & (starts | (np.roll(code, 1, axis=1) != code))).sum()) * COLOUR_BYTES[depth]
        for where, code in ((inked, cells.fg), (written, cells.bg))
    )
    blocks = int(inked.sum())
    plain = int(written.sum()) - blocks
    return MOVE_BYTES * int(starts.sum()) + colours + BLOCK_BYTES * blocks + plain


def runs(touched: Touched, depth: ColourDepth) -> list[Run]:
    """Return the touched cells as runs, joined where the gap is not worth a move of the cursor."""
    if touched.size and touched.mean() > MOST:
        return [Run(row, 0, touched.shape[1]) for row in np.flatnonzero(touched.any(axis=1)).tolist()]
    rows, columns = np.nonzero(touched)
    if not rows.size:
        return []
    apart = (np.diff(rows) != 0) | (np.diff(columns) > NEAR[depth] + 1)
    starts = np.concatenate([[0], np.nonzero(apart)[0] + 1])
    ends = np.concatenate([starts[1:], [rows.size]]) - 1
    return [
        Run(row, first, last + 1)
        for row, first, last in zip(
            rows[starts].tolist(), columns[starts].tolist(), columns[ends].tolist(), strict=True
        )
    ]
