"""Mask a connected area of similar colour."""

from collections.abc import Sequence

from retouch_tui.layers import Point
from retouch_tui.shapes import WandShape
from retouch_tui.tools import TOOLS, Effect, Gesture, Pen


class Wand:
    """Mask a connected area of similar colour."""

    label = "Wand"
    help = "Click: similar colours around are masked"
    gesture: Gesture = "tap"
    effect: Effect = "mask"
    sized = False
    traced = False

    def shape(self, points: Sequence[Point], pen: Pen) -> WandShape:
        """Return the shape of the gesture so far."""
        return WandShape(points[-1], pen.tolerance)


TOOLS.register(Wand())
