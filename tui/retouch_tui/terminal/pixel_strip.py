"""A strip of the canvas: it holds arrays and becomes text, or segments, only when asked."""

from functools import lru_cache

from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from retouch_tui.terminal import sgr
from retouch_tui.terminal.cells import GLYPHS, Cells
from retouch_tui.terminal.colour import UNSET, ColourDepth, rgb
from retouch_tui.terminal.lazy_strip import LazyStrip


class PixelStrip(LazyStrip):
    """One row of cells, which nobody may change afterwards."""

    __slots__ = ("_cells", "_text")

    def __init__(self, cells: Cells, text: str | None = None) -> None:
        """Hold one row of cells and, where known, their encoded text."""
        self._cells = cells
        self._text = text
        super().__init__(cells.columns)

    @property
    def cells(self) -> Cells:
        """The row of cells."""
        return self._cells

    def segments(self) -> list[Segment]:
        """Return one segment for each run of cells that look the same."""
        return _segments(self._cells)

    def part(self, start: int, end: int) -> Strip:
        """Return the cells from start to end."""
        return PixelStrip(self._cells.part(slice(None), slice(start, end)))

    def render(self, console: Console) -> str:  # noqa: ARG002 - the depth of the cells decides, not Rich
        """Return the terminal text, which leaves no colour behind."""
        if self._text is None:
            self._text = sgr.encode(self._cells)[0]
        return self._text if self._cells.depth is ColourDepth.NONE else self._text + sgr.RESET


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
