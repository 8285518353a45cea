"""Paint in colour on the sketch layer."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import BrushShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Colour:
    """Paint in colour on the sketch layer."""

    label = "Colour"
    help = "Paint a colour hint; it never becomes mask"
    gesture: Gesture = "drag"
    effect: Effect = "sketch"
    sized = True
    traced = True

    def shape(self, points: Sequence[Point], pen: Pen) -> BrushShape:
        """Return the shape of the gesture so far."""
        return BrushShape(tuple(points), pen.size_px)


TOOLS.register(Colour())
