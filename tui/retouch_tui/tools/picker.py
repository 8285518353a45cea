"""Take a colour from the picture."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import Shape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Picker:
    """Take a colour from the picture."""

    label = "Pick"
    help = "Click to take a colour for the colour pen"
    gesture: Gesture = "tap"
    effect: Effect = "pick"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> Shape | None:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return None


TOOLS.register(Picker())
