"""What the terminal shows, cell for cell, so that nothing is written twice.

Textual paints a new screen three times, a dialog paints what is seen around it, and many a widget paints
itself anew without looking different. All of that costs CPU here and nothing on the line.
"""

from collections.abc import Iterator

from rich.console import Console
from textual.geometry import Size
from textual.strip import Strip

from retouch_tui.terminal.lazy_strip import JoinedStrip
from retouch_tui.terminal.pixel_strip import PixelStrip

Entry = tuple[int, Strip]
"""Column and what was written there."""


class ScreenMemory:
    """The strips that were written last, by row."""

    def __init__(self) -> None:
        """Know nothing."""
        self._rows: dict[int, list[Entry]] = {}
        self._size = Size(0, 0)

    def clear(self) -> None:
        """Forget everything: something else has written, or the terminal has another size."""
        self._rows.clear()

    def fit(self, size: Size) -> None:
        """Forget everything if the screen has another size."""
        if size != self._size:
            self._size = size
            self.clear()

    def news(self, row: int, column: int, strip: Strip, console: Console) -> list[Entry]:
        """Return the parts of a strip that look different from what is there, and remember the strip."""
        parts: list[Entry] = []
        for start, piece in _flat(column, strip):
            parts += self._news(row, start, piece, console)
        return parts

    def _news(self, row: int, column: int, strip: Strip, console: Console) -> list[Entry]:
        end = column + strip.cell_length
        parts: list[Entry] = []
        kept: list[Entry] = []
        place = column
        for start, old in self._rows.get(row, ()):
            stop = start + old.cell_length
            if stop <= column or start >= end:
                kept.append((start, old))
                continue
            if start < column:
                kept.append((start, old.crop(0, column - start)))
            if stop > end:
                kept.append((end, old.crop(end - start)))
            first, last = max(start, column), min(stop, end)
            if first > place:
                parts.append((place, strip.crop(place - column, first - column)))
            fresh = strip.crop(first - column, last - column)
            if not _same(old.crop(first - start, last - start), fresh, console):
                parts.append((first, fresh))
            place = last
        if place < end:
            parts.append((place, strip.crop(place - column)))
        self._rows[row] = sorted([*kept, (column, strip)], key=lambda entry: entry[0])
        return parts


def _flat(column: int, strip: Strip) -> Iterator[Entry]:
    """The strips that a joined strip is made of."""
    if not isinstance(strip, JoinedStrip):
        yield column, strip
        return
    for piece in strip.pieces:
        yield from _flat(column, piece)
        column += piece.cell_length


def _same(old: Strip, new: Strip, console: Console) -> bool:
    if old is new:
        return True
    if isinstance(old, PixelStrip) and isinstance(new, PixelStrip):
        return not old.cells.differ(new.cells).any()
    return old.render(console) == new.render(console)
