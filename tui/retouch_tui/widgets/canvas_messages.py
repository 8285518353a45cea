"""What the canvas tells the app; handlers are named after it: `on_canvas_view_pressed`."""

from typing import TYPE_CHECKING

from textual import events
from textual.message import Message

from retouch_tui.layers import Point
from retouch_tui.view import View

if TYPE_CHECKING:
    from retouch_tui.widgets.canvas_pointer import PointedWidget


class Pointer(Message, namespace="canvas_view"):
    """Where the pointer is: picture coordinates, and the place on the canvas in half-cells."""

    def __init__(self, canvas: "PointedWidget", at: Point, place: Point) -> None:
        """Say where."""
        super().__init__()
        self.canvas = canvas
        self.x, self.y = at
        self.view_x, self.view_y = place

    @property
    def control(self) -> "PointedWidget":
        """The canvas."""
        return self.canvas


class Pressed(Pointer, namespace="canvas_view"):
    """A mouse button went down; button is 1 left, 3 right (2 drags the view and is not posted)."""

    def __init__(self, canvas: "PointedWidget", at: Point, place: Point, event: events.MouseEvent) -> None:
        """Take button and modifiers from Textual's event."""
        super().__init__(canvas, at, place)
        self.button = event.button
        self.shift, self.ctrl = event.shift, event.ctrl


class Moved(Pointer, namespace="canvas_view"):
    """The pointer moved; dragging while a button is held, which one `button` says (0 none)."""

    def __init__(self, canvas: "PointedWidget", at: Point, place: Point, button: int) -> None:
        """Say with which button held."""
        super().__init__(canvas, at, place)
        self.button = button
        self.dragging = button != 0


class Released(Pointer, namespace="canvas_view"):
    """The button that was pressed came up."""

    def __init__(self, canvas: "PointedWidget", at: Point, place: Point, button: int) -> None:
        """Say which button."""
        super().__init__(canvas, at, place)
        self.button = button


class Scrolled(Pointer, namespace="canvas_view"):
    """The wheel turned over the canvas: steps is +1 upwards (closer), -1 downwards."""

    def __init__(self, canvas: "PointedWidget", at: Point, place: Point, event: events.MouseEvent) -> None:
        """Take direction and modifiers from Textual's event."""
        super().__init__(canvas, at, place)
        self.steps = 1 if isinstance(event, events.MouseScrollUp) else -1
        self.shift, self.ctrl = event.shift, event.ctrl


class Left(Message, namespace="canvas_view"):
    """The pointer left the canvas."""


class ViewChanged(Message, namespace="canvas_view"):
    """Zoom, place or size of the view changed."""

    def __init__(self, canvas: "PointedWidget", view: View) -> None:
        """Say to which view."""
        super().__init__()
        self.canvas = canvas
        self.view = view
