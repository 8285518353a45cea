"""Grid hop: a labelled four by four grid above the canvas; each key narrows it, four keys reach any point."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.widgets import Static

from retouch_tui.cursor import GRID_KEYS, HOPS, Field
from retouch_tui.terminal.link import PacedModal
from retouch_tui.widgets.canvas_view import CanvasView


class GridHop(PacedModal[Field | None]):
    """Returns the field that was reached; Enter stops earlier, Escape gives up."""

    DEFAULT_CSS = """
    GridHop { background: transparent; layers: base; }
    GridHop Static {
        width: 3; height: 1; position: absolute; background: $accent; color: $background; text-style: bold;
    }
    GridHop #hint { width: auto; dock: bottom; background: $panel; color: $foreground; position: relative; }
    """
    AUTO_FOCUS: ClassVar[str | None] = None

    def __init__(self, field: Field, canvas: CanvasView) -> None:
        """Begin with the part of the picture that the canvas shows."""
        super().__init__()
        self._field = field
        self._canvas = canvas
        self._count = 0

    def compose(self) -> ComposeResult:
        """Make the labels."""
        for key in GRID_KEYS:
            yield Static(f" {key} ", id=f"hop-{key}")
        yield Static(" press the letter nearest to your target · Enter here · Esc back ", id="hint")

    def on_mount(self) -> None:
        """Put the labels in place."""
        self._place()

    def _place(self) -> None:
        region, view = self._canvas.region, self._canvas.view
        for index, key in enumerate(GRID_KEYS):
            x, y = view.to_pixel(self._field.part(index).middle)
            column, row = x / view.across, y / 2
            label = self.query_one(f"#hop-{key}", Static)
            label.styles.offset = (round(region.x + column - 1.5), round(region.y + row - 0.5))
            label.display = self._roomy() or index in {0, 3, 12, 15}

    def _roomy(self) -> bool:
        """Whether sixteen labels fit without covering each other."""
        zoom = self._canvas.view.zoom
        return (self._field.right - self._field.left) * zoom >= 16 and (
            self._field.bottom - self._field.top
        ) * zoom / 2 >= 4

    def on_key(self, event: events.Key) -> None:
        """Narrow, accept or give up."""
        event.stop()
        if event.key == "escape":
            self.dismiss(None)
        elif event.key in {"enter", "space"}:
            self.dismiss(self._field)
        elif (field := self._field.narrowed(event.key)) is not None:
            self._field = field
            self._count += 1
            if self._count == HOPS:
                self.dismiss(field)
            else:
                self._place()
