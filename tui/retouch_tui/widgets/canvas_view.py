"""The canvas: shows a scene in cells, and tells where on the picture the pointer is.

    canvas.show(scene)                      # another picture, or everything changed
    canvas.update(box, scene)               # only this picture box changed: repaints just those cells
    canvas.lay(box, scene)                  # only a preview or a shape under way changed
    canvas.set_look(look)                   # tint, mask only, before/after, wipe
    canvas.set_overlay(overlay)             # cursor, brush radius, outlines of the shape being drawn
    canvas.set_view(zoom, centre); canvas.fit(); canvas.zoom_in(); canvas.zoom_out(); canvas.pan(dx, dy)

Coordinates in messages and overlays are picture coordinates as floats: the centre of the first pixel is
(0.5, 0.5), so painting between pixels is as exact as the terminal's mouse. Keys are the app's affair.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer

from retouch.geometry import Box
from retouch_tui.frame_buffer import DAB_BYTES, FrameBuffer, Touched, runs
from retouch_tui.overlay import Overlay
from retouch_tui.raster import Look, Raster, Scene
from retouch_tui.scene_follower import News, SceneFollower
from retouch_tui.terminal import sgr
from retouch_tui.terminal.cells import GlyphMode
from retouch_tui.terminal.colour import ColourDepth
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.terminal.pacer import Pacer
from retouch_tui.terminal.pixel_strip import PixelStrip
from retouch_tui.view import View
from retouch_tui.widgets.canvas_navigation import NavigatedWidget

IDLE_S = 0.15
"""A coarse picture is refined when nothing happened for so long."""

BAND_S = 0.02
EXACT_BYTES = 36
"""Pause between refined rows, and what one of their cells costs at most."""


class CanvasView(NavigatedWidget, can_focus=True):
    """A picture with its mask, painted in cells."""

    ALLOW_SELECT = False
    UNSTYLED = True
    DEFAULT_CSS = "CanvasView { width: 1fr; height: 1fr; }"

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
        super().__init__(FrameBuffer(depth, glyphs), id=id, classes=classes)
        self._pixel_mouse = pixel_mouse
        self._strips: list[PixelStrip | None] = []
        self._refining: Timer | None = None
        self._affordable: int | None = None
        self._next_look: Look | None = None
        self._follower = SceneFollower(self._elsewhere, self._seen_from, self._took)

    @property
    def look(self) -> Look:
        """How the scene is shown, or will be in a moment."""
        return self._buffer.look if self._next_look is None else self._next_look

    # The scene

    def show(self, scene: Scene, look: Look | None = None) -> None:
        """Show a scene, in another way if given; the view stays unless the picture has another size.

        A large one is seen in a moment. Mask and strokes that were changed in place must have been told to `update`.
        """
        self._next_look = self._next_look if look is None else look
        self._follower.show(scene)

    def update(self, box: Box, scene: Scene | None = None) -> None:
        """Repaint a picture box; scene is the new one, or None when its arrays were changed in place."""
        known = self._follower.scene if scene is None else scene
        if known is not None and self._follower.scene is not None:
            self._follower.update(box, known)

    def lay(self, box: Box, scene: Scene) -> None:
        """Repaint a picture box of a scene in which only preview and drawing are new."""
        if self._follower.scene is not None:
            self._follower.lay(box, scene)

    def afford(self, size: int | None) -> None:
        """Let each preview cost at most so many bytes, coarse if need be; None ends it."""
        self._affordable = size

    def _elsewhere(self, task: Callable[[], Raster], then: Callable[[Raster], None]) -> None:
        async def run() -> None:
            then(await asyncio.to_thread(task))

        if self.is_attached:
            self.run_worker(run(), group="scene")
        else:
            then(task())

    def _seen_from(self, scene: Scene) -> list[View]:
        return [self.view, self.view.fitted(scene.extent)]

    def _took(self, before: Raster | None, news: News) -> None:
        """Paint what is new."""
        self._buffer.raster = self._follower.raster
        if news.everything and self._next_look is not None:
            self._buffer.look, self._next_look = self._next_look, None
        if before is None or (news.everything and before.scene.extent != news.scene.extent):
            self.fit()
        elif news.everything:
            self._repaint()
        else:
            painting = self._sparing and self._buffer.overlay.painting
            for box in news.boxes:
                self._touch(self._buffer.repaint_box(box, DAB_BYTES if painting else self._affordable))
            if self._affordable is None:  # what is coarse of a preview makes way for the next one
                self._settle_later()

    def set_look(self, look: Look) -> None:
        """Show the scene in another way."""
        if self._next_look is not None:
            self._next_look = look
        elif look != self._buffer.look:
            self._buffer.look = look
            self._repaint()

    def set_overlay(self, overlay: Overlay) -> None:
        """Draw another pointer and other outlines."""
        if overlay != self._buffer.overlay:
            self._touch(self._buffer.point(overlay, sparing=self._sparing))
            if overlay.painting:
                self._settle_later()

    # Rendering

    def _repaint(self) -> None:
        """Render everything; on a slow link coarsely at first, exactly once it is idle."""
        pacer = self._pacer
        if pacer is not None and self._buffer.depth is ColourDepth.TRUECOLOUR:
            self._touch(self._buffer.repaint(pacer.tolerance))
        else:
            self._touch(self._buffer.repaint())
        self._stop_refining()
        if self._buffer.next_coarse(0) is not None:
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
