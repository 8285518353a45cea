"""An ellipse inside a rectangle."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import EllipseShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Ellipse:
    """An ellipse inside a rectangle."""

    label = "Ellipse"
    help = "Drag from corner to corner of its frame"
    gesture: Gesture = "drag"
    effect: Effect = "mask"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> EllipseShape:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return EllipseShape((points[0], points[-1]))


TOOLS.register(Ellipse())
