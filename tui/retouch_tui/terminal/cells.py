"""Cells: what one place of the terminal shows, a glyph and two colours, as arrays."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from retouch_tui.terminal.colour import Codes, ColourDepth, Pixels, codes, luminance

Glyphs: TypeAlias = NDArray[np.uint8]
"""Indices into GLYPHS, (rows, columns): below 128 the ASCII character itself, then the blocks."""

BLOCKS = "▀▄█▌▐▖▗▘▝▚▞▙▛▜▟░▒▓─│┌┐└┘"
GLYPHS = "".join(chr(code) for code in range(128)) + BLOCKS
"""All characters a canvas writes."""

SPACE = 32
UPPER_HALF = GLYPHS.index("▀")
FULL = GLYPHS.index("█")

RAMP = np.array([ord(character) for character in " .:-=+*#%@"], np.uint8)
"""Dark to bright, for a terminal without colours."""

HATCH = ord("/")
"""Stands for the mask where there are no colours."""

QUADRANTS = np.array([GLYPHS.index(character) for character in " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"], np.uint8)
"""The glyph whose inked quarters are bit 0 upper left, 1 upper right, 2 lower left, 3 lower right."""


class GlyphMode(StrEnum):
    """How a cell is divided; the values are the words of flags and of the configuration."""

    HALF = "half"
    QUADRANT = "quad"

    @property
    def across(self) -> int:
        """View pixels side by side in one cell (there are always two on top of each other)."""
        return 2 if self is GlyphMode.QUADRANT else 1


@dataclass(frozen=True, eq=False)
class Cells:
    """A rectangle of cells; all three arrays are (rows, columns)."""

    glyph: Glyphs
    fg: Codes
    bg: Codes
    depth: ColourDepth

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.glyph.shape[0])

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.glyph.shape[1])

    def part(self, rows: slice, columns: slice) -> "Cells":
        """Return a rectangle of these cells, as a view on the same arrays."""
        at = (rows, columns)
        return Cells(self.glyph[at], self.fg[at], self.bg[at], self.depth)

    def row(self, index: int) -> "Cells":
        """Return a copy of one row, which later changes do not reach."""
        at = slice(index, index + 1)
        return Cells(self.glyph[at].copy(), self.fg[at].copy(), self.bg[at].copy(), self.depth)

    def differ(self, other: "Cells") -> NDArray[np.bool_]:
        """Say where two rectangles of one size look different, (rows, columns)."""
        return np.asarray((self.glyph != other.glyph) | (self.fg != other.fg) | (self.bg != other.bg), np.bool_)

    def text(self, row: int) -> str:
        """Return the characters of a row."""
        return "".join(GLYPHS[index] for index in self.glyph[row].tolist())


def blank(rows: int, columns: int, depth: ColourDepth) -> Cells:
    """Return cells that nothing was drawn into; they differ from every cell with a colour."""
    unset = np.full((rows, columns), -2, np.int32)
    return Cells(np.zeros((rows, columns), np.uint8), unset, unset.copy(), depth)


def half_cells(pixels: Pixels, depth: ColourDepth, row: int = 0, column: int = 0) -> Cells:
    """Show two pixels on top of each other in each cell.

    pixels (2 * rows, columns, 3); row and column are the place of the first cell in the view.
    Two equal pixels become a space, which needs one colour only.
    """
    colour = codes(pixels, depth, 2 * row, column)
    top, bottom = colour[0::2], colour[1::2]
    glyph = np.where(top == bottom, np.uint8(SPACE), np.uint8(UPPER_HALF))
    return Cells(glyph, top, bottom, depth)


def quadrant_cells(pixels: Pixels, depth: ColourDepth, row: int = 0, column: int = 0) -> Cells:
    """Show 2x2 pixels in each cell by the two colours and the glyph with the least squared error.

    pixels (2 * rows, 2 * columns, 3). Of the 16 ways to ink a cell, 8 differ by more than a swap of colours.
    """
    rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
    split = pixels.reshape(rows, 2, columns, 2, 3).transpose(1, 3, 0, 2, 4)
    quarter = split.reshape(4, rows, columns, 3).astype(np.int32)
    total = quarter.sum(axis=0)
    best = np.full((rows, columns), -1.0)
    inked = np.zeros((rows, columns), np.int32)
    for bits in range(8):
        chosen = [place for place in range(4) if bits >> place & 1]
        one = quarter[chosen].sum(axis=0) if chosen else np.zeros_like(total)
        two = total - one
        # Least squares: the error of a split is a constant less |sum of each side|² / its count.
        explained = (two.astype(np.float64) ** 2).sum(-1) / (4 - len(chosen))
        if chosen:
            explained += (one.astype(np.float64) ** 2).sum(-1) / len(chosen)
        better = explained > best + 1e-6
        best = np.where(better, explained, best)
        inked = np.where(better, bits, inked)
    return _quadrant_colours(quarter, inked, depth, (row, column))


def _quadrant_colours(
    quarter: NDArray[np.int32], inked: NDArray[np.int32], depth: ColourDepth, at: tuple[int, int]
) -> Cells:
    ink = np.stack([inked >> place & 1 for place in range(4)])[..., None]
    count = ink.sum(axis=0)
    front = (quarter * ink).sum(axis=0) // np.maximum(count, 1)
    back = (quarter * (1 - ink)).sum(axis=0) // (4 - count)
    fg = codes(front.astype(np.uint8), depth, *at)
    bg = codes(back.astype(np.uint8), depth, *at)
    glyph = np.where(fg == bg, np.uint8(SPACE), QUADRANTS[inked])
    return Cells(np.where(inked == 0, np.uint8(SPACE), glyph), np.where(inked == 0, bg, fg), bg, depth)


def ramp_cells(pixels: Pixels, hatched: NDArray[np.bool_], across: int) -> Cells:
    """Show each cell by one character, brighter ones for brighter pixels, `/` where it is hatched.

    pixels (2 * rows, across * columns, 3); hatched (rows, columns).
    """
    rows, columns = hatched.shape
    light = luminance(pixels).reshape(rows, 2, columns, across).mean(axis=(1, 3))
    glyph = RAMP[(light * (len(RAMP) - 1) / 255).round().astype(np.intp)]
    unset = codes(np.zeros((rows, columns, 3), np.uint8), ColourDepth.NONE, 0, 0)
    return Cells(np.where(hatched, np.uint8(HATCH), glyph), unset, unset, ColourDepth.NONE)
