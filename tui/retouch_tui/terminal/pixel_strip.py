"""A strip of the canvas: it holds arrays and becomes text, or segments, only when asked."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from retouch_tui.terminal import sgr
from retouch_tui.terminal.cells import GLYPHS, Cells
from retouch_tui.terminal.colour import UNSET, ColourDepth, rgb


class PixelStrip(Strip):
    """One row of cells.

    The base class's slots stay empty until somebody needs segments (an SVG export, a filter, a dimmed
    background): building one Segment and one Style per cell costs five times what the encoding does.
    """

    __slots__ = ("_cells", "_text")

    def __init__(self, cells: Cells, text: str | None = None) -> None:
        """Hold one row of cells and, where known, their encoded text."""
        self._cells = cells
        self._text = text
        self._cell_length = cells.columns
        self._cell_count = cells.columns

    def __getattr__(self, name: str) -> Any:
        """Fill the base class's slots at the first use of any of them."""
        if name not in Strip.__slots__:
            raise AttributeError(name)
        super().__init__(_segments(self._cells), self._cells.columns)
        return getattr(self, name)

    @property
    def cells(self) -> Cells:
        """The row of cells."""
        return self._cells

    def __bool__(self) -> bool:
        return self._cells.columns > 0

    def render(self, console: Console) -> str:  # noqa: ARG002 - the depth of the cells decides, not Rich
        """Return the terminal text, which leaves no colour behind."""
        if self._text is None:
            self._text = sgr.encode(self._cells)[0]
        return self._text if self._cells.depth is ColourDepth.NONE else self._text + sgr.RESET

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Return the cells from start to end."""
        start = max(0, start)
        end = self._cells.columns if end is None else min(end, self._cells.columns)
        if start == 0 and end == self._cells.columns:
            return self
        if end <= start:
            return Strip([], 0)
        return PixelStrip(self._cells.part(slice(None), slice(start, end)))

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Return the pieces that end at each cut."""
        inside = [cut for cut in cuts if cut <= self._cells.columns]
        return [self.crop(start, end) for start, end in zip([0, *inside], inside, strict=False)]


def _segments(cells: Cells) -> list[Segment]:
    """One segment for each run of cells that look the same."""
    segments: list[Segment] = []
    run, look = "", (0, 0)
    glyphs, fgs, bgs = cells.glyph[0].tolist(), cells.fg[0].tolist(), cells.bg[0].tolist()
    for glyph, fg, bg in zip(glyphs, fgs, bgs, strict=True):
        if run and (fg, bg) != look:
            segments.append(Segment(run, _style(*look, cells.depth)))
            run = ""
        run, look = run + GLYPHS[glyph], (fg, bg)
    return [*segments, Segment(run, _style(*look, cells.depth))] if run else segments


@lru_cache(maxsize=65536)
def _style(fg: int, bg: int, depth: ColourDepth) -> Style:
    def colour(code: int) -> Color | None:
        return None if code == UNSET else Color.from_rgb(*rgb(code, depth))

    return Style(color=colour(fg), bgcolor=colour(bg))
