"""The hand that holds a tool: turns presses, moves and releases into strokes of the document."""

from dataclasses import dataclass, field
from math import floor

from retouch.geometry import Box
from retouch_tui.document import SKETCH_LINE, Document
from retouch_tui.landing import Landing
from retouch_tui.layers import Colour, Point
from retouch_tui.raster import Drawing
from retouch_tui.shapes import BrushShape, Ground, Outlined, Shape, around, pair, snapped
from retouch_tui.stroke import Layer, Stroke
from retouch_tui.tools import ERASERS, TOOLS, Pen, Tool
from retouch_tui.turns import Errand

SMALLEST_PX, LARGEST_PX = 1, 400
PRESETS_PX = (2, 4, 8, 16, 24, 40, 64, 100, 160)
"""Brush sizes of the keys 1 to 9."""
LEAST_MOVE_PX = 0.35
"""Moves shorter than this add no point to a path."""


@dataclass
class Hand:
    """The chosen tool, its settings, and the gesture under way."""

    document: Document
    tool_name: str = "brush"
    sizes: dict[str, int] = field(default_factory=dict)
    """Pen size by tool, in picture pixels."""
    first_size_px: int = 40
    """Pen size of tools that were not resized."""
    tolerance: int = 24
    colour: Colour = (215, 38, 56)
    swapped: bool = False
    """Whether the left button erases and the right one paints."""
    points: list[Point] = field(default_factory=list)
    _stroke: Stroke | None = None
    _erase: bool = False

    @property
    def tool(self) -> Tool:
        """The chosen tool."""
        return TOOLS[self.tool_name]

    @property
    def pen(self) -> Pen:
        """The settings of the chosen tool."""
        size = self.sizes.get(self.tool_name, self.first_size_px)
        return Pen(size_px=size, tolerance=self.tolerance, colour=self.colour)

    @property
    def busy(self) -> bool:
        """Whether a gesture is under way."""
        return bool(self.points)

    @property
    def radius_px(self) -> float:
        """Radius of the outline around the pointer; 0 for tools without a size."""
        return self.pen.size_px / 2 if self.tool.sized else 0.0

    def choose(self, name: str) -> Box | None:
        """Take another tool; an unfinished shape is dropped."""
        changed = self.cancel()
        self.tool_name = name
        return changed

    def resize(self, steps: int) -> int:
        """Make the pen larger or smaller by about a seventh for each step; returns the new size."""
        size = self.pen.size_px
        for _ in range(abs(steps)):
            gap = max(1, round(size * 0.15))
            size = size + gap if steps > 0 else size - gap
        return self.set_size(size)

    def set_size(self, size_px: int) -> int:
        """Set the pen's size for the chosen tool."""
        self.sizes[self.tool_name] = min(max(size_px, SMALLEST_PX), LARGEST_PX)
        return self.sizes[self.tool_name]

    def begin(self, at: Point, *, erase: bool = False) -> Box | None:
        """Begin a gesture, or set a corner; returns what changed in the document."""
        tool, at = self.tool, snapped(at)
        if tool.effect == "pick":
            self._pick(at)
            return None
        if tool.effect not in {"mask", "sketch"}:
            return None
        if tool.gesture == "corners" and self.points:
            self.points.append(at)
            return None
        self._erase = (erase != self.swapped) or self.tool_name in ERASERS
        if tool.traced:
            layer: Layer = "mask" if tool.effect == "mask" else "sketch"
            self._stroke = self.document.stroke(layer, erase=self._erase, colour=self.colour)
        self.points = [at]
        return self._trace()

    def move(self, at: Point) -> Box | None:
        """Go on with a drag; returns what changed in the document."""
        if not self.points or self.tool.gesture != "drag":
            return None
        at = snapped(at)
        last = self.points[-1]
        if abs(at[0] - last[0]) + abs(at[1] - last[1]) < LEAST_MOVE_PX:
            return None
        self.points.append(at)
        return self._trace()

    def finish(self) -> Errand[Landing | None] | None:
        """End the gesture; returns what is to be worked out for its step, None if it came to nothing."""
        shape, stroke, erase, document = self._shape(), self._stroke, self._erase, self.document
        self._stroke, self.points = None, []
        label = self.tool.label.lower()
        if stroke is not None and shape is not None:
            line = self._line(shape, document.ground)
            return Errand(stroke.pixels, lambda: document.recording(stroke, label, line))
        if shape is None:
            return None
        return Errand(self._covered(shape), lambda: document.drawing(shape, label, erase=erase))

    def cancel(self) -> Box | None:
        """Drop the gesture; returns what changed in the document."""
        stroke, self._stroke = self._stroke, None
        self.points = []
        return None if stroke is None else stroke.abandon()

    def drawn(self, pointer: Point) -> Drawing | None:
        """Return the shape under way as it is shown, with the pointer as the next of its corners."""
        more = [pointer] if self.tool.gesture == "corners" else []
        shape = self.tool.shape([*self.points, *more], self.pen) if self.points else None
        if self.tool.traced or not isinstance(shape, Outlined):
            return None
        return Drawing(corners=shape.corners(), erase=self._erase)

    # -- gestures at once -------------------------------------------------------------------------------------

    def press(self, at: Point, *, erase: bool = False) -> Box | None:
        """Begin a gesture, or set a corner; a tap is finished with it."""
        changed = self.begin(at, erase=erase)
        return self._finished(changed) if self.tool.gesture == "tap" else changed

    def release(self, at: Point) -> Box | None:
        """End a drag; corners go on until `close`."""
        if not self.points or self.tool.gesture != "drag":
            return None
        return self._finished(self.move(at))

    def close(self) -> Box | None:
        """Finish a shape of corners, or a drag where the pointer is."""
        return self._finished(None)

    def _finished(self, changed: Box | None) -> Box | None:
        errand = self.finish()
        box = None if errand is None else self.document.land(errand.run())
        return changed if box is None else box if changed is None else changed.union(box)

    def _shape(self) -> Shape | None:
        return self.tool.shape(self.points, self.pen) if self.points else None

    def _trace(self) -> Box | None:
        shape = self._shape() if self._stroke is not None else None
        return self._stroke.draw(shape) if self._stroke is not None and isinstance(shape, BrushShape) else None

    def _covered(self, shape: Shape) -> int:
        """At most so many pixels are looked at to draw a shape."""
        whole = self.document.size
        if self.tool.gesture == "tap" or not isinstance(shape, Outlined):
            return whole.area
        return around(shape.corners()).pad(1).clamp(whole).area

    def _line(self, shape: Shape, ground: Ground) -> str:
        if self.tool.effect == "sketch":
            name = "none" if self._erase else "#{:02x}{:02x}{:02x}".format(*self.colour)
            return f"{SKETCH_LINE} {name} {shape.text(ground)}"
        return f"{'-' if self._erase else '+'} {shape.text(ground)}"

    def _pick(self, at: Point) -> None:
        x, y = floor(at[0]), floor(at[1])
        if 0 <= x < self.document.size.width and 0 <= y < self.document.size.height:
            block = self.document.composite_block(Box(x, y, x + 1, y + 1))
            red, green, blue = (int(v) for v in block[0, 0])
            self.colour = (red, green, blue)

    def spoken(self) -> str:
        """Say in words where the gesture is, for people who do not see the canvas."""
        return f"{self.tool.label} from {pair(self.points[0])}" if self.points else self.tool.label
