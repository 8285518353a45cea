"""A canvas that shows real pixels while nothing happens, in terminals that can.

The picture is rendered once more for the same view, at the pixels of the cells, by a worker; the moment
anything changes the cells take over again, so painting costs what it always costs.
"""

from dataclasses import replace

from textual import events
from textual.geometry import Region
from textual.timer import Timer

from retouch.geometry import Box
from retouch_tui.frame_buffer import Touched
from retouch_tui.overlay import Overlay, draw, inked
from retouch_tui.raster import Look, Raster
from retouch_tui.terminal.graphics import USUAL_CELL, Place, Writer, writer
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.view import View
from retouch_tui.widgets.canvas_view import CanvasView

REST_S = 0.4
"""Pixels are shown when nothing has happened for so long."""

SEND_S = 1.0
"""A picture may take this long on its way; a slower link gets fewer pixels."""

BYTES_PER_PIXEL = {"kitty": 2.2, "iterm2": 0.3, "sixel": 1.1}
"""Measured on photos."""

UNKNOWN_RATE = 2_000_000.0


class SharpCanvas(CanvasView):
    """A canvas with `set_sharp`."""

    _sharp = False
    _shown: Place | None = None
    _resting: Timer | None = None
    _changes = 0

    @property
    def can_sharpen(self) -> bool:
        """Whether this terminal shows pixels at all."""
        return self._writer is not None

    @property
    def sharp(self) -> bool:
        """Whether pixels are shown when nothing happens."""
        return self._sharp

    def set_sharp(self, sharp: bool) -> None:
        """Show pixels when nothing happens, or cells only."""
        self._sharp = sharp and self.can_sharpen
        self._blunt()
        self._rest()

    @property
    def _writer(self) -> Writer | None:
        return writer(self.app.capabilities) if isinstance(self.app, LinkedApp) else None

    def _touch(self, touched: Touched) -> None:
        if touched.any():
            self._blunt()
        super()._touch(touched)
        self._rest()

    def on_resize(self, event: events.Resize) -> None:
        """Take the size of the canvas; the pixels were of another one."""
        self._blunt()
        super().on_resize(event)
        self._rest()

    def on_unmount(self) -> None:
        """Take the pixels away."""
        self._blunt()

    def _rest(self) -> None:
        """Begin to wait for a moment without changes."""
        self._changes += 1
        if self._resting is not None:
            self._resting.stop()
            self._resting = None
        if self._sharp:
            self._resting = self.set_timer(REST_S, self._sharpen)

    def _sharpen(self) -> None:
        """Have the pixels made, unless a stroke, a dialog or the link is in the way."""
        raster, app = self._buffer.raster, self.app
        if raster is None or not isinstance(app, LinkedApp):
            return
        if self._button or self._refining is not None or app.screen is not self.screen or not app.pacer.ready():
            self._resting = self.set_timer(REST_S, self._sharpen)
            return
        view, place = self._pixel_view(app)
        asked, look = self._changes, self.look
        self.run_worker(
            lambda: self._make(raster, view, look, place, asked), thread=True, exclusive=True, group="pixels"
        )

    def _pixel_view(self, app: LinkedApp[object]) -> tuple[View, Place]:
        """The same view in pixels of the terminal, fewer on a slow link, and where it goes."""
        cell = app.capabilities.cell_px
        width, height = USUAL_CELL if cell is None else cell
        rate = UNKNOWN_RATE if app.pacer.rate is None else app.pacer.rate
        affordable = rate * SEND_S / BYTES_PER_PIXEL[app.capabilities.graphics]
        shrink = 1
        while shrink < width and self.size.area * (width // shrink) * (height // shrink) > affordable:
            shrink += 1
        across, down = max(width // shrink, 1), max(height // shrink // 2 * 2, 2)
        region = self.region
        place = Place(
            column=region.x,
            row=region.y,
            columns=region.width,
            rows=region.height,
            cell_px=(width, height),
        )
        return replace(self.view, across=across, down=down), place

    def _make(self, raster: Raster, view: View, look: Look, place: Place, asked: int) -> None:
        """Render and encode, in a thread; shown only if nothing has changed since."""
        chosen = self._writer
        if chosen is None:
            return
        whole = Box(0, 0, view.width, view.height)
        pixels, _ = raster.render(view, look, whole)
        scene = raster.scene
        boxes = [box for box, _ in scene.regions]
        text = chosen.show(inked(pixels, draw(view, Overlay(), boxes, scene.frame)), place)
        self.app.call_from_thread(self._put, text, place, asked)

    def _put(self, text: str, place: Place, asked: int) -> None:
        app = self.app
        if asked != self._changes or not self._sharp or not isinstance(app, LinkedApp):
            return
        if app.screen is not self.screen:
            self._rest()
            return
        app.write_to_terminal(text)
        self._shown = place
        self._resting = self.set_interval(0.1, self._watch)

    def _watch(self) -> None:
        """A dialog that opens above the canvas must not lie below its pixels."""
        if self.app.screen is not self.screen:
            self._blunt()
            self._rest()

    def _blunt(self) -> None:
        """Let the cells show again."""
        place, self._shown = self._shown, None
        chosen = self._writer if place is not None else None
        if place is None or chosen is None or not isinstance(self.app, LinkedApp):
            return
        self.app.write_to_terminal(chosen.clear(place))
        if not chosen.stays:
            self.refresh(Region(0, 0, place.columns, place.rows))
