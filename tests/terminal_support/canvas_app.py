"""A small app around the canvas, as the product's screens use it."""

from dataclasses import replace

import numpy as np
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from retouch_tui.raster import Scene
from retouch_tui.terminal.capabilities import PLAIN, Capabilities, Mouse
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.widgets.canvas_view import CanvasView
from retouch_tui.widgets.sharp_canvas import SharpCanvas
from terminal_support.pictures import photo

ANSWERING = replace(PLAIN, acknowledges=True)
"""A terminal that acknowledges frames."""


def empty_scene(width: int = 512, height: int = 512) -> Scene:
    """A photo without a mask."""
    return Scene(picture=photo(width, height), mask=np.zeros((height, width), np.uint8))


class CanvasApp(LinkedApp[None]):
    """Tools on the left, the canvas, options on the right."""

    CSS = "Static { width: 10; } CanvasView { width: 1fr; } #right { width: 6; }"

    def __init__(self, scene: Scene, capabilities: Capabilities = ANSWERING) -> None:
        """Take a scene to show and what the terminal can do."""
        super().__init__(capabilities)
        self.scene = scene
        self.canvas = SharpCanvas(
            depth=capabilities.colours,
            glyphs=capabilities.glyphs,
            pixel_mouse=capabilities.mouse is Mouse.PIXEL,
        )
        self.seen: list[object] = []

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Horizontal():
            yield Static("tools")
            yield self.canvas
            yield Static("options", id="right")

    def on_mount(self) -> None:
        """Show the scene."""
        self.canvas.show(self.scene)

    def on_canvas_view_pressed(self, message: CanvasView.Pressed) -> None:
        """Keep it for the test."""
        self.seen.append(message)

    def on_canvas_view_moved(self, message: CanvasView.Moved) -> None:
        """Keep it for the test."""
        self.seen.append(message)

    def on_canvas_view_released(self, message: CanvasView.Released) -> None:
        """Keep it for the test."""
        self.seen.append(message)

    def on_canvas_view_scrolled(self, message: CanvasView.Scrolled) -> None:
        """Keep it for the test."""
        self.seen.append(message)
