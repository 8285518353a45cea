"""Compare: before and after on one canvas, divided by a line that follows the pointer."""

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Static

from retouch_tui.raster import Look, Scene, Side, Tint
from retouch_tui.screens.dialog import Dialog
from retouch_tui.widgets.canvas_messages import Moved
from retouch_tui.widgets.canvas_view import CanvasView

STEP = 0.03


class CompareScreen(Dialog[None]):
    """The whole screen for one comparison."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "wipe(-1)", "Divider left", priority=True),
        Binding("right", "wipe(1)", "Divider right", priority=True),
        Binding("o", "flip", "Before/after"),
        Binding("plus,equals_sign", "zoom(1)", "Zoom"),
        Binding("minus", "zoom(-1)", "Zoom out", show=False),
        Binding("0", "fit", "Fit", show=False),
        Binding("f7", "dismiss", "Close", show=False),
    ]

    def __init__(self, scene: Scene, canvas: CanvasView, words: str) -> None:
        """`scene` has a picture to compare with; `canvas` is one made for this terminal."""
        super().__init__()
        self._scene, self._canvas, self._words = scene, canvas, words
        self._look = Look(tint=Tint.OFF, side=Side.WIPE)

    def compose(self) -> ComposeResult:
        """Make the canvas."""
        yield Static(f" Before │ After   [dim]{self._words}[/]", id="compare-title")
        yield self._canvas
        yield Footer()

    def on_mount(self) -> None:
        """Show both."""
        self._canvas.set_look(self._look)
        self._canvas.show(self._scene)
        self._canvas.focus()

    def _set(self, **changes: object) -> None:
        self._look = replace(self._look, **changes)  # type: ignore[arg-type]
        self._canvas.set_look(self._look)

    @on(Moved)
    def moved(self, event: Moved) -> None:
        """Move the divider with the pointer."""
        event.stop()
        self._set(wipe=min(max(event.view_x / max(self._canvas.size.width, 1), 0.0), 1.0), side=Side.WIPE)

    def action_wipe(self, steps: int) -> None:
        """Move the divider."""
        self._set(wipe=min(max(self._look.wipe + steps * STEP, 0.0), 1.0), side=Side.WIPE)

    def action_flip(self) -> None:
        """Show all of one, then all of the other."""
        self._set(side=Side.AFTER if self._look.side is Side.BEFORE else Side.BEFORE)

    def action_zoom(self, steps: int) -> None:
        """Look closer or from further away."""
        if steps > 0:
            self._canvas.zoom_in()
        else:
            self._canvas.zoom_out()

    def action_fit(self) -> None:
        """Look at the whole picture."""
        self._canvas.fit()
