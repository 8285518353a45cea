"""The canvas: shows a scene in cells, and tells where on the picture the pointer is.

    canvas.show(scene)                      # another picture, or everything changed
    canvas.update(box, scene)               # only this picture box changed: repaints just those cells
    canvas.set_look(look)                   # tint, mask only, before/after, wipe
    canvas.set_overlay(overlay)             # cursor, brush radius, outlines of the shape being drawn
    canvas.set_view(zoom, centre); canvas.fit(); canvas.zoom_in(); canvas.zoom_out(); canvas.pan(dx, dy)

Coordinates in messages and overlays are picture coordinates as floats: the centre of the first pixel is
(0.5, 0.5), so painting between pixels is as exact as the terminal's mouse. Keys are the app's affair.
"""

from dataclasses import replace
from typing import Self

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from retouch.geometry import Box
from retouch_tui.frame_buffer import FrameBuffer, Touched, runs
from retouch_tui.layers import Point
from retouch_tui.overlay import Overlay
from retouch_tui.raster import Look, Raster, Scene
from retouch_tui.terminal import sgr
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.terminal.pacer import Pacer
from retouch_tui.terminal.pixel_strip import PixelStrip
from retouch_tui.view import MAXIMUM_ZOOM, View, next_zoom
from retouch_tui.widgets.canvas_messages import Left, Moved, Pointer, Pressed, Released, Scrolled, ViewChanged

MIDDLE = 2
"""The mouse button that drags the view."""

IDLE_S = 0.15
"""A coarse picture is refined when nothing happened for so long."""

BAND_S = 0.02
EXACT_BYTES = 36
"""Pause between refined rows, and what one of their cells costs at most."""


class CanvasView(Widget, can_focus=True):
    """A picture with its mask, painted in cells."""

    ALLOW_SELECT = False
    UNSTYLED = True
    DEFAULT_CSS = "CanvasView { width: 1fr; height: 1fr; }"

    Pointer = Pointer
    Pressed = Pressed
    Moved = Moved
    Released = Released
    Scrolled = Scrolled
    Left = Left
    ViewChanged = ViewChanged

    def __init__(
        self,
        *,
        depth: ColourDepth = ColourDepth.TRUECOLOUR,
        glyphs: GlyphMode = GlyphMode.HALF,
        pixel_mouse: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Make an empty canvas for a terminal of this depth, glyphs and mouse (see Capabilities)."""
        super().__init__(id=id, classes=classes)
        self._buffer = FrameBuffer(depth, glyphs)
        self._pixel_mouse = pixel_mouse
        self._strips: list[PixelStrip | None] = []
        self._fitted = True
        self._button = 0
        self._refining: Timer | None = None
        self._dragged_from: Point = (0.0, 0.0)

    @property
    def view(self) -> View:
        """Where the picture lies on the canvas."""
        return self._buffer.view

    @property
    def look(self) -> Look:
        """How the scene is shown."""
        return self._buffer.look

    @property
    def fitted(self) -> bool:
        """Whether the view follows the size of the canvas."""
        return self._fitted

    # The scene

    def show(self, scene: Scene) -> None:
        """Show a scene; the view stays unless the picture has another size."""
        old = self._buffer.raster
        self._buffer.raster = Raster(scene)
        if old is None or old.scene.extent != scene.extent:
            self.fit()
        else:
            self._repaint()

    def update(self, box: Box, scene: Scene | None = None) -> None:
        """Repaint a picture box; scene is the new one, or None when its arrays were changed in place."""
        raster = self._buffer.raster
        if raster is None:
            return
        old, new = raster.scene, raster.scene if scene is None else scene
        same = all(getattr(old, name) is getattr(new, name) for name in ("compare", "alpha", "regions", "frame"))
        if old.size != new.size or not same:
            self.show(new)
            return
        raster.follow(new, box)
        self._touch(self._buffer.repaint_box(box, sparing=self._sparing and self._buffer.overlay.painting))
        self._settle_later()

    def set_look(self, look: Look) -> None:
        """Show the scene in another way."""
        if look != self._buffer.look:
            self._buffer.look = look
            self._repaint()

    def set_overlay(self, overlay: Overlay) -> None:
        """Draw another pointer and other outlines."""
        if overlay != self._buffer.overlay:
            self._touch(self._buffer.point(overlay, sparing=self._sparing))
            if overlay.painting:
                self._settle_later()

    # The view

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

    # Rendering

    def _repaint(self) -> None:
        """Render everything; on a slow link coarsely at first, exactly once it is idle."""
        pacer = self._pacer
        cells = self._buffer.cells.glyph.size
        coarse = pacer is not None and self._buffer.depth is ColourDepth.TRUECOLOUR
        tolerance = pacer.tolerance(cells) if pacer is not None and coarse else 0
        self._touch(self._buffer.repaint(tolerance))
        self._stop_refining()
        if tolerance:
            self._refine_later(0, IDLE_S)

    @property
    def _pacer(self) -> Pacer | None:
        return self.app.pacer if self.is_attached and isinstance(self.app, LinkedApp) else None

    @property
    def _sparing(self) -> bool:
        """Whether bytes matter: there is a terminal."""
        return self._pacer is not None and not self.app.is_headless

    def _settle_later(self) -> None:
        """Make coarse cells exact when the brush has rested for a moment."""
        if self._sparing and self._buffer.next_coarse(0) is not None:
            self._stop_refining()
            self._refine_later(0, IDLE_S)

    def _stop_refining(self) -> None:
        if self._refining is not None:
            self._refining.stop()
            self._refining = None

    def _refine_later(self, row: int, delay: float) -> None:
        self._refining = self.set_timer(delay, lambda: self._refine(row))

    def _refine(self, row: int) -> None:
        """Write some rows exactly, as many as the link takes without being felt; a stroke begins the wait anew."""
        pacer = self._pacer
        rows, columns = self._buffer.cells.rows, self._buffer.cells.columns
        first = self._buffer.next_coarse(row)
        if pacer is None or first is None:
            self._refining = None
        elif not pacer.ready():
            self._refine_later(row, IDLE_S)
        else:
            last = min(first + max(pacer.window // (EXACT_BYTES * max(columns, 1)), 1), rows)
            self._touch(self._buffer.refine(first, last))
            self._refine_later(last, BAND_S)

    def _touch(self, touched: Touched) -> None:
        """Have the touched cells written."""
        changed = runs(touched, self._buffer.depth)
        for row in {run.row for run in changed}:
            if row < len(self._strips):
                self._strips[row] = None
        if changed:
            self.refresh(*(Region(run.first, run.row, run.last - run.first, 1) for run in changed))

    def on_resize(self, event: events.Resize) -> None:
        """Take the size of the canvas."""
        self._take_size(event.size.width, event.size.height)

    def _take_size(self, columns: int, rows: int) -> None:
        if (columns, rows) == (self.view.columns, self.view.rows):
            return
        self._buffer.resize(columns, rows)
        self._buffer.view = replace(self.view, columns=columns, rows=rows)
        self._strips = [None] * rows
        if self._fitted:
            self._buffer.view = self._fitting()
        self._buffer.repaint()
        self.post_message(self.ViewChanged(self, self.view))

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Repaint regions; a wish to repaint everything, as at each change of focus, finds nothing changed."""
        if regions or layout or recompose or self._buffer.raster is None:
            super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        return self

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the rows of a region; past the styles cache, which would take arrays apart."""
        if self._buffer.raster is None:
            return [Strip.blank(crop.width, self.rich_style)] * crop.height
        self._take_size(self.size.width, self.size.height)
        missing = [row for row in range(crop.y, min(crop.bottom, len(self._strips))) if self._strips[row] is None]
        if len(missing) > len(self._strips) // 2:
            self._encode_all()
        return [self._strip(row).crop(crop.x, crop.right) for row in range(crop.y, crop.bottom)]

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]

    def _strip(self, row: int) -> Strip:
        if row >= len(self._strips):
            return Strip.blank(self.size.width, Style.null())
        strip = self._strips[row]
        if strip is None:
            strip = PixelStrip(self._buffer.cells.row(row))
            self._strips[row] = strip
        return strip

    def _encode_all(self) -> None:
        cells = self._buffer.cells
        self._strips = [PixelStrip(cells.row(row), text) for row, text in enumerate(sgr.encode(cells))]

    # The pointer

    def _place(self, event: events.MouseEvent) -> Point:
        """Where on the canvas the pointer is, in cells; a terminal that only knows cells means their middle."""
        x, y = float(event.pointer_x), float(event.pointer_y)
        if not (x.is_integer() and y.is_integer()):
            self._pixel_mouse = True
        middle = 0.0 if self._pixel_mouse else 0.5
        return x + middle, y + middle

    def _where(self, place: Point) -> tuple[Point, Point]:
        return self.view.to_picture(*place), (place[0], place[1] * 2)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin a stroke, or a drag of the view."""
        place = self._place(event)
        event.stop()
        self._button = event.button
        self._dragged_from = place
        self.capture_mouse()
        if event.button != MIDDLE:
            self.post_message(self.Pressed(self, *self._where(place), event))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Go on with a stroke or a drag."""
        place = self._place(event)
        event.stop()
        if self._button == MIDDLE:
            x, y = self._dragged_from
            self._dragged_from = place
            self.pan(x - place[0], 2 * (y - place[1]))
        else:
            self.post_message(self.Moved(self, *self._where(place), self._button))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End it."""
        event.stop()
        self.release_mouse()
        button, self._button = self._button, 0
        if button not in (0, MIDDLE):
            self.post_message(self.Released(self, *self._where(self._place(event)), button))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell which way the wheel turned."""
        self._scrolled(event)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell which way the wheel turned."""
        self._scrolled(event)

    def _scrolled(self, event: events.MouseEvent) -> None:
        event.stop()
        self.post_message(self.Scrolled(self, *self._where(self._place(event)), event))

    def on_leave(self, event: events.Leave) -> None:
        """Tell that the pointer is gone, unless a stroke goes on outside."""
        if event.node is self and not self._button:
            self.post_message(self.Left())
