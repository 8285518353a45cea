"""The part of the editor that paints: pointer, keyboard cursor, tools, view, undo."""

from time import monotonic

from textual import on

from retouch_tui.cursor import Field
from retouch_tui.layers import Point
from retouch_tui.screens.editor_tools import LARGE_PX, Tooling
from retouch_tui.screens.grid_hop import GridHop
from retouch_tui.shapes import DrawnShape, Ground, Shape
from retouch_tui.widgets.canvas_messages import Left, Moved, Pointer, Pressed, Released, Scrolled, ViewChanged

RIGHT = 3
PAN_SHARE = 4
"""A pan by key moves the view by this part of it."""


class CanvasEditing(Tooling):
    """Painting."""

    _panned_from: Point | None = None
    _framed_from: Point | None = None
    _framed_at = (0.0, 0.0, 1.0)
    """Where on the canvas a drag of the frame began, and the zoom then."""

    # -- the mouse --------------------------------------------------------------------------------------------

    @on(Pressed)
    def pressed(self, event: Pressed) -> None:
        """Begin a gesture."""
        self.canvas.focus()
        self._lead(event, by_key=False)
        effect = self.hand.tool.effect
        if effect == "pan":
            self._panned_from = (event.view_x, event.view_y)
        elif effect == "frame":
            self._framed_from = (event.x, event.y)
            self._framed_at = (event.view_x, event.view_y, self.canvas.view.zoom)
        else:
            self._press(erase=event.button == RIGHT)

    @on(Moved)
    def moved(self, event: Moved) -> None:
        """Go on with a gesture."""
        self._lead(event, by_key=False)
        if self._panned_from is not None:
            x, y = self._panned_from
            self._panned_from = (event.view_x, event.view_y)
            self.canvas.pan(x - event.view_x, y - event.view_y)
        elif self._framed_from is not None:
            # The view shrinks while the frame grows: only the hand's way across the screen says how far it went.
            (x, y), (view_x, view_y, zoom) = self._framed_from, self._framed_at
            self.pull_frame((x, y), (x + (event.view_x - view_x) / zoom, y + (event.view_y - view_y) / zoom))
        elif event.dragging and self.hand.busy:
            self.show_dab(self.hand.move(self.cursor.at))

    @on(Released)
    def released(self, event: Released) -> None:
        """End a gesture."""
        self._lead(event, by_key=False)
        self._panned_from = self._framed_from = None
        if self.hand.busy and self.hand.tool.gesture == "drag":
            self._after(self.hand.release(self.cursor.at))

    @on(Left)
    def left(self) -> None:
        """Take the outline of the brush away with the mouse; the crosshair of the keyboard stays."""
        self.pointed, self.mouse_left = self.crosshair, True
        self.show_pointer()

    @on(Scrolled)
    def scrolled(self, event: Scrolled) -> None:
        """Zoom at the pointer; with control, resize the pen."""
        if event.ctrl:
            self.action_size(event.steps)
        elif event.steps > 0:
            self.canvas.zoom_in((event.x, event.y))
        else:
            self.canvas.zoom_out((event.x, event.y))

    @on(ViewChanged)
    def viewed(self, event: ViewChanged) -> None:
        """Show the zoom."""
        self.set_status(zoom=event.view.zoom)

    def _lead(self, event: Pointer, *, by_key: bool) -> None:
        self.crosshair = by_key
        self.pointed, self.mouse_left = True, False
        self.cursor.at = (event.x, event.y)
        self.show_pointer()

    def _press(self, *, erase: bool) -> None:
        before = self.document.revision
        if self.shown_key:
            self.look_at(self.workspace.history.base)
        shape = self.hand.tapped(self.cursor.at)
        if shape is not None and self.document.mask.size > LARGE_PX:
            self._tap_aside(shape, erase=erase)
            return
        changed = self.hand.press(self.cursor.at, erase=erase)
        self.show_pointer()  # a large ring makes way first, or it is written twice
        if self.hand.tool.effect == "pick":
            self.show_tools()
        elif self.document.revision != before:
            self._after(changed)
        else:
            self.show_dab(changed)
        self.show_pointer()

    def _tap_aside(self, shape: Shape, *, erase: bool) -> None:
        """Flood a large picture without keeping anybody waiting; a stroke made meanwhile wins."""
        document, revision = self.document, self.document.revision
        ground = Ground(document.picture, document.mask.copy())

        def land(drawn: DrawnShape) -> None:
            if document is self.document and document.revision == revision and not self.hand.busy:
                self._after(self.hand.land(drawn, erase=erase))

        self.aside(lambda: DrawnShape.of(shape, ground), land, lambda: None)

    # -- the keyboard cursor ----------------------------------------------------------------------------------

    def action_cursor(self, dx: int, dy: int, far: bool) -> None:
        """Move the crosshair, or the view while panning."""
        view = self.canvas.view
        if self.hand.tool.effect == "pan":
            self.canvas.pan(dx * view.width / PAN_SHARE, dy * view.height / PAN_SHARE)
            return
        self.crosshair = True
        self.cursor.step(dx, dy, far=far, zoom=view.zoom, now=monotonic(), size=self.document.size)
        self._follow()

    def _follow(self) -> None:
        """Bring the crosshair into view and go on with a gesture."""
        self.pointed = True
        if not self.canvas.view.shows(self.cursor.at):
            self.canvas.set_view(self.canvas.view.zoom, self.cursor.at)
        if self.hand.busy and self.hand.tool.gesture == "drag":
            self.show_dab(self.hand.move(self.cursor.at))
        self.show_pointer()

    def action_stamp(self) -> None:
        """Use the tool where the crosshair is: a dab, a corner, or one end of a shape."""
        self.crosshair = True
        tool = self.hand.tool
        if tool.effect in {"pan", "frame"}:
            return
        if self.hand.busy and tool.gesture == "drag":
            self.pen_down = False
            self._after(self.hand.release(self.cursor.at))
        else:
            self._press(erase=False)
            if tool.gesture == "drag" and tool.sized and self.hand.tool_name != "line":
                self._after(self.hand.release(self.cursor.at))

    def action_pen(self) -> None:
        """Draw while the cursor moves, or stop it."""
        if self.hand.tool.gesture != "drag" or self.hand.tool.effect not in {"mask", "sketch"}:
            self.notify("this tool has no pen to put down; press Space to use it", severity="warning")
            return
        self.pen_down = not self.pen_down
        if self.pen_down:
            self.crosshair = True
            self._press(erase=False)
        else:
            self._after(self.hand.release(self.cursor.at))
        self.show_pointer()

    def action_close(self) -> None:
        """Finish a shape, or apply the frame."""
        if self.frame is not None:
            self.apply_frame()
            return
        self.pen_down = False
        self._after(self.hand.close())

    def action_cancel(self) -> None:
        """Drop the shape, the frame or the look at a result; else stop the run."""
        self.pen_down = False
        if self.hand.busy:
            self._after(self.hand.cancel())
        elif self.frame is not None:
            self.frame = None
            self.show_all()
        elif self.shown_key:
            self.look_at(self.workspace.history.base)
        else:
            self.cancel_run()

    def action_grid(self) -> None:
        """Hop to a place in four keys."""
        view, size = self.canvas.view, self.document.size
        left, top = view.to_picture(0, 0)
        right, bottom = view.to_picture(view.columns, view.rows)
        seen = Field(max(left, 0), max(top, 0), min(right, size.width), min(bottom, size.height))

        def hop(field: Field | None) -> None:
            if field is not None:
                self.crosshair = True
                self.cursor.go(field.middle, size)
                self._follow()

        self.app.push_screen(GridHop(seen, self.canvas), hop)

    # -- what other parts do ----------------------------------------------------------------------------------

    def pull_frame(self, start: Point, at: Point) -> None:
        """Move the nearest edges of the frame."""

    def apply_frame(self) -> None:
        """Put the picture on its new canvas."""

    def cancel_run(self) -> None:
        """Stop what runs."""
