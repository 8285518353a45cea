"""The part of the editor that changes the canvas: room around the picture, or a part of it."""

from retouch.arrays import RGB
from retouch.geometry import Box
from retouch.resize import resize_canvas
from retouch_tui.document import Document
from retouch_tui.history import thumbnail
from retouch_tui.landing import Landing
from retouch_tui.layers import Point
from retouch_tui.refine import to_bytes
from retouch_tui.screens.editor_files import Filing
from retouch_tui.screens.frame import FrameScreen, margins_of
from retouch_tui.turns import Errand, in_turn

GRAB_SHARE = 0.35
"""A drag of the frame that starts within this part of the picture's side moves that edge."""


class Framing(Filing):
    """The frame."""

    def pull_frame(self, start: Point, at: Point) -> None:
        """Move the edges nearest to where the drag began."""
        size = self.document.size
        dx, dy = round(at[0] - start[0]), round(at[1] - start[1])
        left = dx if start[0] < size.width * GRAB_SHARE else 0
        right = dx if start[0] > size.width * (1 - GRAB_SHARE) else 0
        top = dy if start[1] < size.height * GRAB_SHARE else 0
        bottom = dy if start[1] > size.height * (1 - GRAB_SHARE) else 0
        frame = Box(left, top, size.width + right, size.height + bottom)
        if min(frame.size) >= 1:
            self._show_frame(frame)

    def _show_frame(self, frame: Box) -> None:
        self.frame = frame
        self.canvas.show(self.scene())
        self.set_status(hint=f"{self.document.size} becomes {frame.size} · Enter applies · Esc drops · c for numbers")

    def open_frame(self) -> None:
        """Ask for the frame in numbers."""
        cards = {c.name: c for c in self.engine.models()}
        card = cards.get(self.workspace.draft.model)
        grid = 8 if card is None else card.multiple_px

        def framed(frame: Box | None) -> None:
            self.frame = frame
            if frame is None:
                self.show_all()
            else:
                self.apply_frame()

        self.app.push_screen(FrameScreen(self.document.size, self.frame, grid, self._show_frame), framed)

    @in_turn
    def apply_frame(self) -> None:
        """Put the picture on its new canvas; new room is masked."""
        frame, self.frame = self.frame, None
        document = self.document
        if frame is None or frame == document.whole:
            self.show_all()
            return
        margins = margins_of(frame, document.size)

        def run() -> tuple[Landing, RGB]:
            landing = reframed(document, frame)
            return landing, thumbnail(landing.layers.picture if landing.layers is not None else document.picture)

        def land(found: tuple[Landing, RGB]) -> None:
            self.workspace.framed(*found, (margins.left, margins.top))
            self.picture_changed()
            self.set_status(hint="the new room is masked · F5 paints it" if found[0].lines else "cropped")

        self.work_out(Errand(document.size.area + frame.area, run), land)


def reframed(document: Document, frame: Box) -> Landing:
    """Work out a picture on its new canvas, its old mask, and the new room masked."""
    margins = margins_of(frame, document.size)
    canvas = resize_canvas(document.picture, None, margins)
    room = to_bytes(canvas.mask)
    old = canvas.old
    room[old.slices] = document.mask[old.shift(-margins.left, -margins.top).slices]
    line = f"+ (all - rect {old.left},{old.top} {old.width}x{old.height})"
    return document.reframing(canvas.pixels, room, f"canvas {frame.size}", line if room.any() else "")
