"""Take the mask away with a round pen."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import BrushShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Eraser:
    """Take the mask away with a round pen."""

    label = "Eraser"
    help = "Take the mask away"
    gesture: Gesture = "drag"
    effect: Effect = "mask"
    sized = True
    traced = True

    def shape(self, points: Sequence[Point], pen: Pen) -> BrushShape:
        """Return the shape of the gesture so far."""
        return BrushShape(tuple(points), pen.size_px)


TOOLS.register(Eraser())
