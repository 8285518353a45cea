"""A grid of small pictures with their names; arrows or a click choose one, Enter or a second click opens it."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import get_current_worker

from retouch.arrays import RGB
from retouch_tui.files import quick_thumbnail
from retouch_tui.widgets.filmstrip import half_blocks

WIDE, HIGH = 22, 7
"""Cells of one picture, without its name."""
GAP = 2


class PictureGrid(Widget, can_focus=True):
    """Reads the pictures in view, in a thread, and no others."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1, 0)", "Left", show=False),
        Binding("right", "move(1, 0)", "Right", show=False),
        Binding("up", "move(0, -1)", "Up", show=False),
        Binding("down", "move(0, 1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "to(0)", "First", show=False),
        Binding("end", "to(-1)", "Last", show=False),
        Binding("enter", "open", "Open"),
    ]

    class Chosen(Message):
        """A picture is to be opened."""

        def __init__(self, path: Path) -> None:
            """Say which."""
            super().__init__()
            self.path = path

    class Moved(Message):
        """Another picture is marked."""

        def __init__(self, path: Path) -> None:
            """Say which."""
            super().__init__()
            self.path = path

    def __init__(self, paths: Sequence[Path], *, id: str | None = None) -> None:
        """Show pictures in this order."""
        super().__init__(id=id)
        self._paths = list(paths)
        self._at = 0
        self._top = 0
        """The first row in view."""
        self._small: dict[Path, RGB | None] = {}
        self._drawn: dict[Path, list[list[Segment]]] = {}

    @property
    def path(self) -> Path | None:
        """The marked picture."""
        return self._paths[self._at] if self._paths else None

    @property
    def _across(self) -> int:
        return max(1, (self.size.width + GAP) // (WIDE + GAP))

    @property
    def _down(self) -> int:
        return max(1, self.size.height // (HIGH + 2))

    def on_resize(self) -> None:
        """Keep the marked picture in view."""
        self.action_to(self._at)

    def _in_view(self) -> list[Path]:
        first = self._top * self._across
        return self._paths[first : first + self._across * (self._down + 1)]

    @work(thread=True, exclusive=True, group="thumbnails")
    def _read(self, wanted: Sequence[Path]) -> None:
        worker = get_current_worker()
        for path in wanted:
            if worker.is_cancelled or not self.is_attached:
                return
            self.app.call_from_thread(self._bring, path, quick_thumbnail(path))

    def _bring(self, path: Path, small: RGB | None) -> None:
        self._small[path] = small
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row of all pictures in it."""
        base = self.rich_style
        row, line = divmod(y, HIGH + 2)
        first = (self._top + row) * self._across
        segments: list[Segment] = []
        for index in range(first, min(first + self._across, len(self._paths))):
            segments += self._part(self._paths[index], line, base, marked=index == self._at)
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).crop(0, self.size.width).extend_cell_length(self.size.width, base)

    def _part(self, path: Path, line: int, base: Style, *, marked: bool) -> list[Segment]:
        """One line of one picture: pixels, its name, or the gap below."""
        if line < HIGH:
            return self._pixels(path)[line] if self._small.get(path) is not None else self._words(path, line, base)
        if line == HIGH:
            name = path.name if len(path.name) <= WIDE else path.name[: WIDE - 1] + "…"
            return [Segment(set_cell_size(f" {name}"[:WIDE], WIDE), base + Style(reverse=marked, bold=marked))]
        return [Segment(" " * WIDE, base)]

    def _words(self, path: Path, line: int, base: Style) -> list[Segment]:
        told = "cannot be read" if path in self._small else "…"
        return [Segment((told if line == HIGH // 2 else "").center(WIDE), base + Style(dim=True))]

    def _pixels(self, path: Path) -> list[list[Segment]]:
        small = self._small[path]
        if path not in self._drawn and small is not None:
            self._drawn[path] = half_blocks(small, WIDE, HIGH, self.background_colors[1].rgb)
        return self._drawn[path]

    def action_move(self, dx: int, dy: int) -> None:
        """Mark a neighbour."""
        at = self._at + dx + dy * self._across
        if 0 <= at < len(self._paths):
            self.action_to(at)

    def action_page(self, pages: int) -> None:
        """Mark a picture a screen further."""
        self.action_to(min(max(self._at + pages * self._down * self._across, 0), len(self._paths) - 1))

    def action_to(self, index: int) -> None:
        """Mark a picture by its number; negative ones count from the end."""
        if not self._paths:
            return
        self._at = index % len(self._paths)
        row = self._at // self._across
        self._top = min(max(self._top, row - self._down + 1), row)
        missing = [path for path in self._in_view() if path not in self._small]
        if missing:
            self._read(missing)
        self.post_message(self.Moved(self._paths[self._at]))
        self.refresh()

    def action_open(self) -> None:
        """Open the marked picture."""
        if self.path is not None:
            self.post_message(self.Chosen(self.path))

    def on_click(self, event: events.Click) -> None:
        """Mark the picture that was clicked; a second click opens it."""
        column, row = event.x // (WIDE + GAP), event.y // (HIGH + 2)
        index = (self._top + row) * self._across + column
        if column < self._across and index < len(self._paths):
            self.action_to(index)
            if event.chain > 1:
                self.action_open()

    def on_mouse_scroll_up(self) -> None:
        """Mark the picture a row above."""
        self.action_move(0, -1)

    def on_mouse_scroll_down(self) -> None:
        """Mark the picture a row below."""
        self.action_move(0, 1)
