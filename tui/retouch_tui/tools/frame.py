"""Resize the canvas: grow it to outpaint, or crop."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import Shape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Frame:
    """Resize the canvas: grow it to outpaint, or crop."""

    label = "Frame"
    help = "Drag an edge to add room; c again: numbers"
    gesture: Gesture = "drag"
    effect: Effect = "frame"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> Shape | None:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return None


TOOLS.register(Frame())
