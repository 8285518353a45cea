"""A compositor that writes the cells that changed and no others.

Textual 8 writes a changed region from the left edge of its widget (Textualize/textual#5625): a dab near
the right edge of a wide canvas then costs fifteen times its bytes.
"""

from collections.abc import Iterator

from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual.errors import NoWidget
from textual.strip import Strip

from retouch_tui.terminal.screen_memory import ScreenMemory


class TightUpdate(ChopsUpdate):
    """An update of spans, each cut at both of its ends, without what the terminal shows already."""

    def __init__(self, update: ChopsUpdate, spans: list[tuple[int, int, int]], memory: ScreenMemory) -> None:
        """Take Textual's update."""
        super().__init__(update.chops, spans, update.chop_ends)
        self._memory = memory

    def render_segments(self, console: Console) -> str:
        """Return the text that moves to each span and writes it."""
        return "".join(
            _written(self._memory, y, x, strip, console)
            for y, start, end in self.spans
            for x, strip in self._pieces(y, start, end)
        )

    def _pieces(self, y: int, start: int, end: int) -> Iterator[tuple[int, Strip]]:
        for chop_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            if strip is None or x >= end or chop_end <= start:
                continue
            first, last = max(x, start), min(chop_end, end)
            yield first, strip.crop(first - x, last - x)


class TightLayout(LayoutUpdate):
    """An update of the whole screen, without what the terminal shows already."""

    def __init__(self, update: LayoutUpdate, memory: ScreenMemory) -> None:
        """Take Textual's update."""
        super().__init__(update.strips, update.region)
        self._memory = memory

    def render_segments(self, console: Console) -> str:
        """Return the text that moves to each part that is new and writes it."""
        parts: list[str] = []
        for y, line in enumerate(self.strips, self.region.y):
            x = self.region.x
            for strip in line:
                parts.append(_written(self._memory, y, x, strip, console))
                x += strip.cell_length
        return "".join(parts)


def _written(memory: ScreenMemory, y: int, x: int, strip: Strip, console: Console) -> str:
    return "".join(
        Control.move_to(column, y).segment.text + part.render(console)
        for column, part in memory.news(y, x, strip, console)
    )


class TightCompositor(Compositor):
    """Textual's compositor with tight updates."""

    def __init__(self, memory: ScreenMemory) -> None:
        """Take the memory of what the terminal shows, one for all screens."""
        super().__init__()
        self._memory = memory

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Return the whole screen, after which no widget has anything left to repaint.

        Textual keeps their wishes, so that the first change after a full update repeats all of it.
        """
        # `simplify` is for a screenshot, after which the terminal still waits for them.
        for widget in () if simplify else self.visible_widgets:
            widget._exchange_repaint_regions()
        update = super().render_full_update(simplify)
        self._memory.fit(self.size)
        return update if simplify else TightLayout(update, self._memory)

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return what changed, or None when nothing did."""
        update = super().render_partial_update()
        if update is None:
            return None
        self._memory.fit(self.size)
        return TightUpdate(update, self._inside(update.spans), self._memory)

    def _inside(self, spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        """Drop what lies below the screen: a widget may ask for more than is visible."""
        height = self.size.height
        return [span for span in spans if 0 <= span[0] < height]

    def get_style_at(self, x: int, y: int) -> Style:
        """Return the style of a cell; on the canvas, which has no links, without making segments of it.

        Textual asks at every move of the mouse.
        """
        widget = self._plain_widget_at(x, y)
        return Style.null() if widget else super().get_style_at(x, y)

    def _plain_widget_at(self, x: int, y: int) -> bool:
        try:
            widget, _ = self.get_widget_at(x, y)
        except NoWidget:
            return False
        return bool(getattr(widget, "UNSTYLED", False))
