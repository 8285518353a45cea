"""The canvas with its frame and its keys: letters act while the focus is here."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from retouch_tui.actions import bindings
from retouch_tui.widgets.canvas_view import CanvasView


class CanvasPane(Container):
    """Holds the canvas."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("canvas")]

    def __init__(self, canvas: CanvasView, *, id: str | None = None) -> None:
        """Frame a canvas."""
        super().__init__(id=id)
        self.canvas = canvas

    def compose(self) -> ComposeResult:
        """Hold the canvas."""
        yield self.canvas

    def on_click(self, event: events.Click) -> None:
        """Take the focus."""
        if event.widget is self.canvas:
            self.canvas.focus()
