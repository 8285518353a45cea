"""The part of the editor that paints: pointer, keyboard cursor, tools, view, undo."""

from collections.abc import Callable
from time import monotonic

from textual import on, work

from retouch.geometry import Box
from retouch.regions import bounds
from retouch_tui.cursor import Field
from retouch_tui.document import Document
from retouch_tui.hand import PRESETS_PX
from retouch_tui.layers import Mask8, Point
from retouch_tui.raster import Side
from retouch_tui.refine import REFINEMENTS, to_float
from retouch_tui.screens.editor_base import EditorBase
from retouch_tui.screens.grid_hop import GridHop
from retouch_tui.tools import TOOLS
from retouch_tui.widgets.canvas_messages import Moved, Pointer, Pressed, Released, Scrolled, ViewChanged
from retouch_tui.widgets.canvas_pane import CanvasPane
from retouch_tui.widgets.sharp_canvas import SharpCanvas
from retouch_tui.widgets.toolbox import percent

RIGHT = 3
LARGE_PX = 2_000_000
"""Masks with more pixels are refined in a thread."""
PAN_SHARE = 4
"""A pan by key moves the view by this part of it."""


class CanvasEditing(EditorBase):
    """Painting."""

    _panned_from: Point | None = None
    _framed_from: Point | None = None

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
            self.pull_frame(self._framed_from, (event.x, event.y))
        elif event.dragging and self.hand.busy:
            self.show_dab(self.hand.move(self.cursor.at))

    @on(Released)
    def released(self, event: Released) -> None:
        """End a gesture."""
        self._lead(event, by_key=False)
        self._panned_from = self._framed_from = None
        if self.hand.busy and self.hand.tool.gesture == "drag":
            self._after(self.hand.release(self.cursor.at))

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
        self.cursor.at = (event.x, event.y)
        self.show_pointer()

    def _press(self, *, erase: bool) -> None:
        before = self.document.revision
        if self.shown_key:
            self.look_at(self.workspace.history.base)
        changed = self.hand.press(self.cursor.at, erase=erase)
        if self.hand.tool.effect == "pick":
            self.show_tools()
        elif self.document.revision != before:
            self._after(changed)
        else:
            self.show_dab(changed)
        self.show_pointer()

    def _after(self, changed: Box | None) -> None:
        """Show a finished step."""
        self.show_change(changed)
        self.show_pointer()
        self.ask_plan()

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

    # -- tools ------------------------------------------------------------------------------------------------

    def action_tool(self, name: str) -> None:
        """Take a tool."""
        again = name == "frame" and self.hand.tool_name == "frame"
        self.show_change(self.hand.choose(name))
        self.pen_down = False
        self.show_tools()
        self.show_pointer()
        self.set_status(hint=TOOLS[name].help)
        if again:
            self.open_frame()

    def action_size(self, steps: int) -> None:
        """Make the pen larger or smaller."""
        self.hand.resize(steps)
        self.show_tools()
        self.show_pointer()

    def action_preset(self, number: int) -> None:
        """Take a pen size by its number."""
        self.hand.set_size(PRESETS_PX[number - 1])
        self.show_tools()
        self.show_pointer()

    def action_tolerance(self, by: int) -> None:
        """Let the wand take more or fewer colours."""
        self.hand.tolerance = min(max(self.hand.tolerance + by, 0), 255)
        self.show_tools()

    def action_swap(self) -> None:
        """Exchange what left and right button do."""
        self.hand.swapped = not self.hand.swapped
        self.show_tools()

    def action_refine(self, name: str) -> None:
        """Change the whole mask."""
        refinement = REFINEMENTS[name]
        document = self.document
        if name == "clear":
            document.clear_sketch()
        lines = () if name == "clear" else (*document.lines, refinement.line)
        if document.mask.size > LARGE_PX:
            self._refine_aside(name, document.revision, lines)
            return
        self._refined(refinement(document.mask), refinement.label, lines)

    def _refined(self, mask: Mask8, label: str, lines: tuple[str, ...]) -> None:
        changed = self.document.replace_mask(mask, label, lines)
        if not lines:
            self.show_all()
        self._after(changed)

    @work(thread=True, exclusive=True, group="refine")
    def _refine_aside(self, name: str, revision: int, lines: tuple[str, ...]) -> None:
        """Change a large mask without keeping anybody waiting; a stroke made meanwhile wins."""
        document, refinement = self.document, REFINEMENTS[name]
        mask = refinement(document.mask)
        if document.revision == revision and not self.hand.busy:
            self.app.call_from_thread(self._refined, mask, refinement.label, lines)

    def action_say(self) -> None:
        """Say in words where the cursor is and what is masked."""
        document = self.document
        box = bounds(to_float(document.mask))
        masked = "nothing masked" if box.empty else f"mask {percent(document.masked_share)} in {box}"
        x, y = self.cursor.at
        self.set_status(hint=f"{self.hand.spoken()} at {x:.0f},{y:.0f} · {masked}")

    # -- undo -------------------------------------------------------------------------------------------------

    def action_undo(self) -> None:
        """Take the last step back."""
        self._travel(Document.undo, "nothing to undo")

    def action_redo(self) -> None:
        """Do the undone step again."""
        self._travel(Document.redo, "nothing to redo")

    def _travel(self, way: Callable[[Document], tuple[str, Box] | None], empty: str) -> None:
        size = self.document.size
        self.hand.cancel()
        done = way(self.document)
        if done is None:
            self.set_status(hint=empty)
        elif self.document.size != size:
            self.workspace.follow_size()
            self.show_all()
            self.show_results()
        else:
            self._after(done[1])
            self.set_status(hint=f"{'undone' if way is Document.undo else 'redone'}: {done[0]}")

    # -- the view ---------------------------------------------------------------------------------------------

    def action_zoom(self, steps: int) -> None:
        """Look closer or from further away, at the crosshair when the keyboard leads."""
        anchor = self.cursor.at if self.crosshair else None
        if steps > 0:
            self.canvas.zoom_in(anchor)
        else:
            self.canvas.zoom_out(anchor)

    def action_fit(self) -> None:
        """Look at the whole picture."""
        self.canvas.fit()

    def action_tint(self) -> None:
        """Show the mask blue, red or not at all."""
        self.tint = self.look.tint.following()
        self.set_look(tint=self.tint)

    def action_sharp(self) -> None:
        """Show real pixels while nothing moves, or cells only."""
        canvas = self.canvas
        if not isinstance(canvas, SharpCanvas) or not canvas.can_sharpen:
            self.set_status(hint="this terminal shows no real pixels; start with --mirror to see them in a browser")
            return
        canvas.set_sharp(not canvas.sharp)
        self.set_status(hint="real pixels while nothing moves" if canvas.sharp else "cells only")

    def action_mask_only(self) -> None:
        """Show the mask alone, or the picture again."""
        self.set_look(mask_only=not self.look.mask_only)

    def action_before(self) -> None:
        """Show the picture before the last result, or after it again."""
        if self.scene().compare is None:
            self.set_status(hint="nothing to compare with yet; generate first")
            return
        before = self.look.side is Side.BEFORE
        self.set_look(side=Side.AFTER if before else Side.BEFORE)
        self.set_status(looking="" if before else "before")

    def action_to_canvas(self) -> None:
        """Go back to the canvas."""
        self.query_one(CanvasPane).canvas.focus()

    # -- what other parts do ----------------------------------------------------------------------------------

    def pull_frame(self, start: Point, at: Point) -> None:
        """Move the nearest edges of the frame."""

    def apply_frame(self) -> None:
        """Put the picture on its new canvas."""

    def open_frame(self) -> None:
        """Ask for the frame in numbers."""

    def cancel_run(self) -> None:
        """Stop what runs."""
