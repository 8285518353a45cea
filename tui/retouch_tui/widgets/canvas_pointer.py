"""The pointer on the canvas: turns the mouse's events into messages with picture coordinates."""

from textual import events
from textual.widget import Widget

from retouch_tui.layers import Point
from retouch_tui.view import View
from retouch_tui.widgets.canvas_messages import Left, Moved, Pointer, Pressed, Released, Scrolled

MIDDLE = 2
"""The mouse button that drags the view."""


class PointedWidget(Widget):
    """A widget that looks at a picture through a view, and says where on the picture the pointer is."""

    Pointer = Pointer
    Pressed = Pressed
    Moved = Moved
    Released = Released
    Scrolled = Scrolled
    Left = Left

    _pixel_mouse = False
    _button = 0
    _dragged_from: Point = (0.0, 0.0)

    @property
    def view(self) -> View:
        """Where the picture lies; the canvas knows it."""
        raise NotImplementedError

    def pan(self, dx: float, dy: float) -> None:
        """Move the view; the canvas does it."""

    def _place(self, event: events.MouseEvent) -> Point:
        """Where on the canvas the pointer is, in cells; a terminal that only knows cells means their middle."""
        x, y = float(event.pointer_x), float(event.pointer_y)
        if not (x.is_integer() and y.is_integer()):
            self._pixel_mouse = True
        middle = 0.0 if self._pixel_mouse else 0.5
        return x + middle, y + middle

    def _where(self, place: Point) -> tuple[Point, Point]:
        return self.view.to_picture(*place), (place[0], place[1] * 2)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin a stroke, or a drag of the view."""
        place = self._place(event)
        event.stop()
        self._button = event.button
        self._dragged_from = place
        self.capture_mouse()
        if event.button != MIDDLE:
            self.post_message(self.Pressed(self, *self._where(place), event))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Go on with a stroke or a drag."""
        place = self._place(event)
        event.stop()
        if self._button == MIDDLE:
            x, y = self._dragged_from
            self._dragged_from = place
            self.pan(x - place[0], 2 * (y - place[1]))
        else:
            self.post_message(self.Moved(self, *self._where(place), self._button))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End it."""
        event.stop()
        self.release_mouse()
        button, self._button = self._button, 0
        if button not in (0, MIDDLE):
            self.post_message(self.Released(self, *self._where(self._place(event)), button))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell which way the wheel turned."""
        self._scrolled(event)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell which way the wheel turned."""
        self._scrolled(event)

    def _scrolled(self, event: events.MouseEvent) -> None:
        event.stop()
        self.post_message(self.Scrolled(self, *self._where(self._place(event)), event))

    def on_leave(self, event: events.Leave) -> None:
        """Tell that the pointer is gone, unless a stroke goes on outside."""
        if event.node is self and not self._button:
            self.post_message(self.Left())
