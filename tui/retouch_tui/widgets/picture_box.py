"""A still picture in half-blocks, fitted into whatever room there is."""

import asyncio

import cv2
import numpy as np
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from retouch.arrays import RGB
from retouch_tui.terminal.cells import Cells, half_cells, ramp_cells
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.terminal.pixel_strip import PixelStrip
from retouch_tui.turns import at_once


def sheet(pixels: RGB, columns: int, rows: int, ground: tuple[int, int, int]) -> RGB:
    """Fit a picture into cells of two pixels each, (2 * rows, columns, 3), centred; ground fills the rest."""
    scale = min(columns / pixels.shape[1], rows * 2 / pixels.shape[0])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    whole = np.empty((rows * 2, columns, 3), np.uint8)
    whole[:] = ground
    top, left = (rows * 2 - size[1]) // 2, (columns - size[0]) // 2
    whole[top : top + size[1], left : left + size[0]] = small
    return whole


class PictureBox(Widget):
    """Shows a picture, or words while there is none."""

    ALLOW_SELECT = False

    def __init__(self, words: str = "", *, id: str | None = None) -> None:
        """Begin without a picture."""
        super().__init__(id=id)
        self._words = words
        self._pixels: RGB | None = None
        self._cells: Cells | None = None
        self._asked = (0, 0)

    def show(self, pixels: RGB | None, words: str = "") -> None:
        """Show a picture, (H, W, 3), or words."""
        self._pixels, self._words = pixels, words
        self._cells, self._asked = None, (0, 0)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        width, height = self.size
        style = self.rich_style
        if self._pixels is not None and width and height:
            self._fit(self._pixels, width, height)
        if self._pixels is not None and self._cells is not None and self._cells.glyph.shape == (height, width):
            return PixelStrip(self._cells.row(y))
        lines = self._words.splitlines() if self._pixels is None else []
        text = lines[y] if y < len(lines) else ""
        return Strip([Segment(text[:width], style)]).extend_cell_length(width, style)

    def _fit(self, pixels: RGB, width: int, height: int) -> None:
        """Draw the picture at this size, in a thread if it is large."""
        if self._asked == (width, height):
            return
        self._asked = (width, height)
        ground = self.background_colors[1].rgb
        if at_once(pixels.shape[0] * pixels.shape[1]):
            self._take(sheet(pixels, width, height, ground))
        else:
            self.run_worker(self._fit_apart(pixels, width, height, ground), exclusive=True)

    async def _fit_apart(self, pixels: RGB, width: int, height: int, ground: tuple[int, int, int]) -> None:
        fitted = await asyncio.to_thread(sheet, pixels, width, height, ground)
        if pixels is self._pixels and self._asked == (width, height):
            self._take(fitted)
            self.refresh()

    def _take(self, fitted: RGB) -> None:
        depth = self.app.capabilities.colours if isinstance(self.app, LinkedApp) else ColourDepth.TRUECOLOUR
        if depth is ColourDepth.NONE:
            self._cells = ramp_cells(fitted, np.zeros((fitted.shape[0] // 2, fitted.shape[1]), np.bool_), 1)
        else:
            self._cells = half_cells(fitted, depth)
