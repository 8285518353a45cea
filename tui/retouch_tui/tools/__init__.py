"""Tools: each turns the points of a gesture into a shape, in a file of its own.

A drag is a press, moves and a release. A tap acts on the press. Corners are presses that are closed by Enter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from retouch_models.registry import Registry
from retouch_tui.layers import Colour, Point
from retouch_tui.shapes import Shape

Gesture = Literal["drag", "tap", "corners"]
Effect = Literal["mask", "sketch", "pick", "pan", "frame"]


@dataclass(frozen=True, kw_only=True)
class Pen:
    """How a tool is set."""

    size_px: int = 40
    tolerance: int = 24
    """How far a colour may differ for the wand, 0..255 in each channel."""
    colour: Colour = (215, 38, 56)


class Tool(Protocol):
    """One entry of the toolbox; `effect` says what the finished gesture does."""

    label: str
    help: str
    gesture: Gesture
    effect: Effect
    sized: bool
    """Whether the pen's size matters."""
    traced: bool
    """Whether it paints as it moves; other shapes are drawn when they are finished."""

    def shape(self, points: Sequence[Point], pen: Pen) -> Shape | None:
        """Return what the points draw; None while they are too few, and for tools that draw nothing."""
        ...


TOOLS: Registry[Tool] = Registry("retouch_tui.tools", "tool")

ORDER = (
    "brush",
    "eraser",
    "line",
    "rectangle",
    "ellipse",
    "lasso",
    "polygon",
    "fill",
    "wand",
    "colour",
    "picker",
    "frame",
    "pan",
)
"""The order of the toolbox; tools that are not named follow by name."""


def tool_names() -> tuple[str, ...]:
    """All tools in the order of the toolbox."""
    names = TOOLS.names()
    return (*(n for n in ORDER if n in names), *(n for n in names if n not in ORDER))


ERASERS = frozenset({"eraser"})
"""Tools that take away even with the left button."""
