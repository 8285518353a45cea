"""A straight stroke of the pen."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import BrushShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Line:
    """A straight stroke of the pen."""

    label = "Line"
    help = "Press at one end, let go at the other"
    gesture: Gesture = "drag"
    effect: Effect = "mask"
    sized = True
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> BrushShape:
        """Return the shape of the gesture so far."""
        return BrushShape((points[0], points[-1]), pen.size_px)


TOOLS.register(Line())
