"""The part of the editor that chooses and changes: tools and their sizes, whole-mask operations, undo, the view."""

from collections.abc import Callable

from textual import work

from retouch.geometry import Box
from retouch.regions import bounds
from retouch_tui.document import Document
from retouch_tui.hand import PRESETS_PX
from retouch_tui.layers import Mask8
from retouch_tui.raster import Side
from retouch_tui.refine import REFINEMENTS, to_float
from retouch_tui.screens.editor_base import EditorBase
from retouch_tui.tools import TOOLS
from retouch_tui.widgets.canvas_pane import CanvasPane
from retouch_tui.widgets.sharp_canvas import SharpCanvas
from retouch_tui.widgets.toolbox import percent

LARGE_PX = 2_000_000
"""Masks with more pixels are refined in a thread."""


class Tooling(EditorBase):
    """Tools, undo and view."""

    def _after(self, changed: Box | None) -> None:
        """Show a finished step."""
        self.show_change(changed)
        self.show_pointer()
        self.ask_plan()

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
            self.bring(lambda: self._refined(mask, refinement.label, lines))

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

    def open_frame(self) -> None:
        """Ask for the frame in numbers; the part that deals with files does it."""
