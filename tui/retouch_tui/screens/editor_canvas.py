"""The part of the editor that paints: pointer, keyboard cursor, tools, view, undo."""

from time import monotonic

from textual import on

from retouch_tui.cursor import Field
from retouch_tui.layers import Point
from retouch_tui.screens.editor_tools import Tooling
from retouch_tui.screens.grid_hop import GridHop
from retouch_tui.turns import in_turn
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
            self._press((event.x, event.y), erase=event.button == RIGHT)

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
        elif event.dragging:
            self._drag((event.x, event.y))

    @on(Released)
    def released(self, event: Released) -> None:
        """End a gesture."""
        self._lead(event, by_key=False)
        self._panned_from = self._framed_from = None
        self._let_go((event.x, event.y))

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

    @in_turn
    def _press(self, at: Point, *, erase: bool) -> None:
        """Begin a gesture or set a corner, on the picture that is worked on."""
        if self.shown_key:
            self.look_at(self.workspace.history.base)
        self._touch_down(at, erase=erase)

    @in_turn
    def _touch_down(self, at: Point, *, erase: bool) -> None:
        changed = self.hand.begin(at, erase=erase)
        self.show_pointer()  # a large ring makes way first, or it is written twice
        self.show_dab(changed)
        if self.hand.tool.effect == "pick":
            self.show_tools()
        elif self.hand.tool.gesture == "tap":
            self._finish()
        self.show_pointer()

    @in_turn
    def _drag(self, at: Point) -> None:
        """Go on with a drag."""
        if self.hand.busy and self.hand.tool.gesture == "drag":
            self.show_dab(self.hand.move(at))
            self.show_drawing()

    @in_turn
    def _let_go(self, at: Point) -> None:
        """End a drag; corners go on until they are closed."""
        if self.hand.busy and self.hand.tool.gesture == "drag":
            self.show_dab(self.hand.move(at))
            self._finish()

    def _finish(self) -> None:
        """Make a step of the gesture; its shape is shown until the mask has it."""
        errand = self.hand.finish()
        if errand is None:
            self.show_drawing()
            self._after(None)
        else:
            self.change(errand)

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
        self._drag(self.cursor.at)
        self.show_pointer()

    def action_stamp(self) -> None:
        """Use the tool where the crosshair is: a dab, a corner, or one end of a shape."""
        self.crosshair = True
        self._stamp(self.cursor.at)

    @in_turn
    def _stamp(self, at: Point) -> None:
        tool = self.hand.tool
        if tool.effect in {"pan", "frame"}:
            return
        if self.hand.busy and tool.gesture == "drag":
            self.pen_down = False
            self._let_go(at)
        else:
            self._press(at, erase=False)
            if tool.gesture == "drag" and tool.sized and self.hand.tool_name != "line":
                self._let_go(at)

    def action_pen(self) -> None:
        """Draw while the cursor moves, or stop it."""
        self._put_pen(self.cursor.at)

    @in_turn
    def _put_pen(self, at: Point) -> None:
        if self.hand.tool.gesture != "drag" or self.hand.tool.effect not in {"mask", "sketch"}:
            self.notify("this tool has no pen to put down; press Space to use it", severity="warning")
            return
        self.pen_down = not self.pen_down
        if self.pen_down:
            self.crosshair = True
            self._press(at, erase=False)
        else:
            self._let_go(at)
        self.show_pointer()

    @in_turn
    def action_close(self) -> None:
        """Finish a shape, or apply the frame."""
        if self.frame is not None:
            self.apply_frame()
            return
        self.pen_down = False
        self._finish()

    @in_turn
    def action_cancel(self) -> None:
        """Drop the shape, the frame or the look at a result; else stop the run."""
        self.pen_down = False
        if self.hand.busy:
            self._after(self.hand.cancel())
            self.show_drawing()
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
