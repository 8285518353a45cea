"""Where a picture lies on the canvas: zoom, centre, and the way between picture pixels and cells."""

from dataclasses import dataclass, replace
from math import ceil, floor

from retouch.geometry import Box, Size
from retouch_tui.layers import Point

MAXIMUM_ZOOM = 16.0
STEPS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, MAXIMUM_ZOOM)
"""Zooms that the zoom keys visit, besides the one that fits."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A canvas of cells looking at a picture.

    A cell is `across` view pixels wide and `down` high, 1x2 for half-blocks. `zoom` is half-cells per picture
    pixel: at 1 one picture pixel is half a cell. `centre` is the picture coordinate in the middle of the
    canvas.
    """

    columns: int
    rows: int
    zoom: float
    centre: Point
    across: int = 1
    down: int = 2

    @property
    def width(self) -> int:
        """Width in view pixels."""
        return self.columns * self.across

    @property
    def height(self) -> int:
        """Height in view pixels."""
        return self.rows * self.down

    @property
    def scale(self) -> tuple[float, float]:
        """View pixels per picture pixel, across and down."""
        return self.zoom * self.across, self.zoom * self.down / 2

    @property
    def origin(self) -> Point:
        """Picture coordinate of the canvas's upper left corner, snapped to whole view pixels."""
        x_scale, y_scale = self.scale
        left = round(self.centre[0] * x_scale - self.width / 2)
        top = round(self.centre[1] * y_scale - self.height / 2)
        return left / x_scale, top / y_scale

    def to_picture(self, column: float, row: float) -> Point:
        """Return the picture coordinate of a place on the canvas, both possibly between pixels and cells."""
        left, top = self.origin
        return left + column / self.zoom, top + row * 2 / self.zoom

    def to_pixel(self, point: Point) -> Point:
        """Return where a picture coordinate falls, in view pixels; it may lie outside the canvas."""
        left, top = self.origin
        x_scale, y_scale = self.scale
        return (point[0] - left) * x_scale, (point[1] - top) * y_scale

    def pixels_of(self, box: Box, margin: int = 0) -> Box:
        """Return the view pixels that a picture box touches, padded, cut at the canvas's edges.

        Whole cells: the corners are rounded outwards to the cell grid.
        """
        left, top = self.to_pixel((box.left, box.top))
        right, bottom = self.to_pixel((box.right, box.bottom))
        touched = Box(floor(left), floor(top), ceil(right), ceil(bottom)).pad(margin)
        across, down = self.across, self.down
        whole = Box(
            touched.left // across * across,
            touched.top // down * down,
            -(-touched.right // across) * across,
            -(-touched.bottom // down) * down,
        )
        return whole.clamp(Size(self.width, self.height))

    def cells_of(self, pixels: Box) -> Box:
        """Return the cells of a box of view pixels that lies on the cell grid."""
        across, down = self.across, self.down
        return Box(pixels.left // across, pixels.top // down, pixels.right // across, pixels.bottom // down)

    def shows(self, point: Point) -> bool:
        """Whether a picture coordinate is on the canvas."""
        x, y = self.to_pixel(point)
        return 0 <= x < self.width and 0 <= y < self.height

    def fitted(self, box: Box) -> "View":
        """Return the view that shows a whole box of the picture."""
        zoom = min(self.columns / max(box.width, 1), self.rows * 2 / max(box.height, 1))
        centre = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        return replace(self, zoom=min(max(zoom, 1e-3), MAXIMUM_ZOOM), centre=centre)

    def zoomed(self, zoom: float, anchor: Point) -> "View":
        """Return a view at another zoom in which the anchor keeps its place on the canvas."""
        ratio = self.zoom / zoom
        centre = tuple(fixed + (middle - fixed) * ratio for fixed, middle in zip(anchor, self.centre, strict=True))
        return replace(self, zoom=zoom, centre=(centre[0], centre[1]))

    def moved(self, dx: float, dy: float) -> "View":
        """Return the view that far to the right and down, in view pixels of a half-block canvas."""
        return replace(self, centre=(self.centre[0] + dx / self.zoom, self.centre[1] + dy / self.zoom))


def next_zoom(zoom: float, fit: float, *, closer: bool) -> float:
    """Return the next zoom to visit; away from the picture it ends at the one that fits (or 1 if that is less)."""
    smallest = min(fit, 1.0)
    stops = sorted({fit, *(step for step in STEPS if step > smallest)})
    if closer:
        return next((stop for stop in stops if stop > zoom * 1.001), MAXIMUM_ZOOM)
    return next((stop for stop in reversed(stops) if stop < zoom * 0.999), smallest)
