"""Fill what an outline encloses."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import FillShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Fill:
    """Fill what an outline encloses."""

    label = "Fill"
    help = "Click inside an outline to fill it"
    gesture: Gesture = "tap"
    effect: Effect = "mask"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> FillShape:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return FillShape(points[-1])


TOOLS.register(Fill())
