"""An outline of straight sides, filled."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import PolygonShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Polygon:
    """An outline of straight sides, filled."""

    label = "Polygon"
    help = "Click corners; Enter closes the outline"
    gesture: Gesture = "corners"
    effect: Effect = "mask"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> PolygonShape | None:  # noqa: ARG002
        """Return the shape of the gesture so far."""
        return PolygonShape(tuple(points)) if len(points) > 2 else None


TOOLS.register(Polygon())
