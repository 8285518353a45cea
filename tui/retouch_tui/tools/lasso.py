"""A freely drawn outline, filled."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import PolygonShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Lasso:
    """A freely drawn outline, filled."""

    label = "Lasso"
    help = "Draw around a thing; it is filled"
    gesture: Gesture = "drag"
    effect: Effect = "mask"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> PolygonShape | None:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return PolygonShape(tuple(points)) if len(points) > 2 else None


TOOLS.register(Lasso())
