"""The part of the editor that chooses and changes: tools and their sizes, whole-mask operations, undo, the view."""

from collections.abc import Callable
from typing import Literal

from retouch.geometry import Box
from retouch_tui.hand import PRESETS_PX
from retouch_tui.landing import Landing
from retouch_tui.project import Travelling
from retouch_tui.raster import Side
from retouch_tui.refine import REFINEMENTS
from retouch_tui.screens.editor_base import EditorBase
from retouch_tui.shapes import masked_box
from retouch_tui.tools import TOOLS
from retouch_tui.turns import Errand, in_turn
from retouch_tui.widgets.canvas_pane import CanvasPane
from retouch_tui.widgets.sharp_canvas import SharpCanvas
from retouch_tui.widgets.toolbox import percent


class Tooling(EditorBase):
    """Tools, undo and view."""

    def _after(self, changed: Box | None) -> None:
        """Show a finished step."""
        self.show_change(changed)
        self.show_pointer()
        self.ask_plan()

    def change(self, errand: Errand[Landing | None], then: Callable[[], object] = lambda: None) -> None:
        """Work out a step of the document, put it in place and show it."""
        document = self.document

        def land(outcome: Landing | None) -> None:
            changed = document.land(outcome)
            self.show_drawing()
            if outcome is not None:
                self._after(changed)
            then()

        self.work_out(errand, land)

    # -- tools ------------------------------------------------------------------------------------------------

    @in_turn
    def action_tool(self, name: str) -> None:
        """Take a tool."""
        again = name == "frame" and self.hand.tool_name == "frame"
        self.show_change(self.hand.choose(name))
        self.show_drawing()
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

    @in_turn
    def action_refine(self, name: str) -> None:
        """Change the whole mask."""
        document, refinement = self.document, REFINEMENTS[name]
        lines = () if name == "clear" else (*document.lines, refinement.line)

        def run() -> Landing | None:
            if name == "clear":
                return document.clearing(refinement.label, lines)
            return document.replacing(refinement(document.mask), refinement.label, lines)

        self.change(Errand(document.size.area, run))

    @in_turn
    def action_say(self) -> None:
        """Say in words where the cursor is and what is masked."""
        mask = self.document.mask

        def say(box: Box) -> None:
            masked = "nothing masked" if box.empty else f"mask {percent(self.figures.share)} in {box}"
            x, y = self.cursor.at
            self.set_status(hint=f"{self.hand.spoken()} at {x:.0f},{y:.0f} · {masked}")

        self.work_out(Errand(mask.size, lambda: masked_box(mask)), say)

    # -- undo -------------------------------------------------------------------------------------------------

    def action_undo(self) -> None:
        """Take the last step back."""
        self._travel("undo")

    def action_redo(self) -> None:
        """Do the undone step again."""
        self._travel("redo")

    @in_turn
    def _travel(self, way: Literal["undo", "redo"]) -> None:
        workspace = self.workspace
        timeline, size = self.document.timeline, self.document.size
        self.show_change(self.hand.cancel())
        self.show_drawing()
        step = next(iter(timeline.future[-1:] if way == "redo" else list(timeline.past)[-1:]), None)

        def land(travelling: Travelling | None) -> None:
            if travelling is None:
                self.set_status(hint=f"nothing to {way}")
                return
            changed = workspace.travelled(travelling)
            if self.document.size != size:
                self.show_all()
                self.show_results()
            else:
                self._after(changed)
                self.set_status(hint=f"{'undone' if way == 'undo' else 'redone'}: {travelling.landing.label}")

        self.work_out(Errand(0 if step is None else step.pixels, lambda: workspace.travelling(way)), land)

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

    def open_frame(self) -> None:
        """Ask for the frame in numbers; the part that deals with files does it."""
