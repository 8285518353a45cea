"""A rectangle between two corners."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import RectangleShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Rectangle:
    """A rectangle between two corners."""

    label = "Rectangle"
    help = "Press at one corner, let go at the other"
    gesture: Gesture = "drag"
    effect: Effect = "mask"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> RectangleShape:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return RectangleShape((points[0], points[-1]))


TOOLS.register(Rectangle())
