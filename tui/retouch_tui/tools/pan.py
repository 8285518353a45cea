"""Move the view."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import Shape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Pan:
    """Move the view."""

    label = "Pan"
    help = "Drag to move the view"
    gesture: Gesture = "drag"
    effect: Effect = "pan"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> Shape | None:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return None


TOOLS.register(Pan())
