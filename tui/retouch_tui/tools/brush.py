"""Paint the mask with a round pen."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import BrushShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Brush:
    """Paint the mask with a round pen."""

    label = "Brush"
    help = "Paint what should change; right button erases"
    gesture: Gesture = "drag"
    effect: Effect = "mask"
    sized = True
    traced = True

    def shape(self, points: Sequence[Point], pen: Pen) -> BrushShape:
        """Return the shape of the gesture so far."""
        return BrushShape(tuple(points), pen.size_px)


TOOLS.register(Brush())
