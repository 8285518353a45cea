"""Asks its terminal, starts the canvas, and writes down where it was clicked."""

import json
import os
import sys
from pathlib import Path

from retouch_tui.terminal.capabilities import Mouse, Overrides
from retouch_tui.terminal.cleanup import ShellGuard
from retouch_tui.terminal.detect import detect

found = detect(Overrides(mouse=Mouse(sys.argv[2]) if len(sys.argv) > 2 else None))
assert "textual" not in sys.modules

from retouch_tui.terminal.answers import install  # noqa: E402 - the environment comes first
from retouch_tui.widgets.canvas_view import CanvasView  # noqa: E402 - the environment comes first
from terminal_support.canvas_app import CanvasApp, empty_scene  # noqa: E402 - likewise


class Pointed(CanvasApp):
    """Ends at the first release."""

    def on_ready(self) -> None:
        """Tell the terminal that it may click."""
        self.set_timer(0.2, lambda: self.write_to_terminal("\x1b]0;READY\x07"))

    def on_canvas_view_released(self, message: CanvasView.Released) -> None:
        """End."""
        super().on_canvas_view_released(message)
        self.exit()


install(found.cell_px if found.own_pixels else None)
app = Pointed(empty_scene(64, 64), found)
guard = ShellGuard()
guard.install()
app.run(mouse=found.mouse is not Mouse.OFF)
guard.left()
places = [(type(m).__name__, m.view_x, m.view_y) for m in app.seen if isinstance(m, CanvasView.Pointer)]
report = {"mouse": found.mouse, "colours": found.colours, "places": places}
Path(sys.argv[1]).write_text(json.dumps(report | {"environment": os.environ.get("TEXTUAL_SMOOTH_SCROLL", "")}))
