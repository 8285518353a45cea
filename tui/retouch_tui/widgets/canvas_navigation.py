"""Where the canvas looks: fit, zoom and pan."""

from dataclasses import replace

from retouch_tui.frame_buffer import FrameBuffer
from retouch_tui.layers import Point
from retouch_tui.view import MAXIMUM_ZOOM, View, next_zoom
from retouch_tui.widgets.canvas_messages import ViewChanged
from retouch_tui.widgets.canvas_pointer import PointedWidget


class NavigatedWidget(PointedWidget):
    """A widget that can look at any part of a picture from any distance."""

    ViewChanged = ViewChanged

    def __init__(self, buffer: FrameBuffer, *, id: str | None = None, classes: str | None = None) -> None:
        """Look at what a buffer shows."""
        super().__init__(id=id, classes=classes)
        self._buffer = buffer
        self._fitted = True

    @property
    def view(self) -> View:
        """Where the picture lies on the canvas."""
        return self._buffer.view

    @property
    def fitted(self) -> bool:
        """Whether the view follows the size of the canvas."""
        return self._fitted

    def set_view(self, zoom: float, centre: Point) -> None:
        """Look at another place; zoom is half-cells per picture pixel, up to 16."""
        self._fitted = False
        self._look_from(replace(self.view, zoom=min(zoom, MAXIMUM_ZOOM), centre=centre))

    def fit(self) -> None:
        """Show the whole picture, and keep doing so when the canvas changes its size."""
        self._fitted = True
        self._look_from(self._fitting())

    def zoom_in(self, anchor: Point | None = None) -> None:
        """Go one step closer; the anchor, a picture coordinate, keeps its place (None: the middle)."""
        self._zoom(anchor, closer=True)

    def zoom_out(self, anchor: Point | None = None) -> None:
        """Go one step back, at most until the whole picture is seen."""
        self._zoom(anchor, closer=False)

    def pan(self, dx: float, dy: float) -> None:
        """Move the view to the right and down, in half-cells."""
        self._fitted = False
        self._look_from(self.view.moved(dx, dy))

    def _zoom(self, anchor: Point | None, *, closer: bool) -> None:
        fit = self._fitting()
        zoom = next_zoom(self.view.zoom, fit.zoom, closer=closer)
        self._fitted = zoom == fit.zoom
        fixed = self.view.centre if anchor is None else anchor
        self._look_from(fit if self._fitted else self.view.zoomed(zoom, fixed))

    def _fitting(self) -> View:
        raster = self._buffer.raster
        return self.view if raster is None else self.view.fitted(raster.scene.extent)

    def _look_from(self, view: View) -> None:
        raster = self._buffer.raster
        if raster is not None:
            extent = raster.scene.extent
            x = min(max(view.centre[0], extent.left), extent.right)
            y = min(max(view.centre[1], extent.top), extent.bottom)
            view = replace(view, centre=(x, y))
        self._buffer.view = view
        self._repaint()
        self.post_message(self.ViewChanged(self, view))

    def _repaint(self) -> None:
        """Render everything; the canvas does it."""
