"""A still picture over the whole screen: in real pixels where the terminal has them, in half-blocks elsewhere."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from retouch.arrays import RGB
from retouch_tui.screens.dialog import Dialog
from retouch_tui.terminal.capabilities import Capabilities
from retouch_tui.terminal.graphics import USUAL_CELL, Place, Writer, writer
from retouch_tui.terminal.link import LinkedApp
from retouch_tui.widgets.picture_box import PictureBox


def fitted(pixels: RGB, columns: int, rows: int, cell_px: tuple[int, int]) -> tuple[int, int]:
    """Return the size in cells of a picture that fits into a room of cells, keeping its shape."""
    height, width = pixels.shape[:2]
    scale = min(columns * cell_px[0] / width, rows * cell_px[1] / height)
    return max(1, round(width * scale / cell_px[0])), max(1, round(height * scale / cell_px[1]))


class StillScreen(Dialog[None]):
    """Shows a picture and, at a key, the one before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o,space", "flip", "Before/after"),
        Binding("s", "dismiss", "Close", show=False),
    ]

    def __init__(self, after: RGB, before: RGB | None, found: Capabilities) -> None:
        """`before` is shown at a key."""
        super().__init__()
        self._pictures = [after] if before is None else [after, before]
        self._cell = USUAL_CELL if found.cell_px is None else found.cell_px
        self._writer: Writer | None = writer(found)
        self._place: Place | None = None

    def compose(self) -> ComposeResult:
        """Make room for the picture."""
        how = "real pixels" if self._writer is not None else "half-blocks; start with --mirror to see every pixel"
        flips = " · o before/after" if len(self._pictures) > 1 else ""
        yield PictureBox(id="still")
        yield Static(f" {how}{flips} · Esc closes", id="still-words")

    def on_resize(self) -> None:
        """Show the picture at its size, when the screen is drawn."""
        self.when_still(self._show)

    def _show(self) -> None:
        box, pixels = self.query_one(PictureBox), self._pictures[0]
        if self._writer is None:
            box.show(pixels)
            return
        room = box.region
        columns, rows = fitted(pixels, room.width, room.height, self._cell)
        self._clear()
        place = Place(
            column=room.x + (room.width - columns) // 2,
            row=room.y + (room.height - rows) // 2,
            columns=columns,
            rows=rows,
            cell_px=self._cell,
        )
        self.run_worker(lambda: self._encode(pixels, place), thread=True, exclusive=True, group="still")

    def _encode(self, pixels: RGB, place: Place) -> None:
        """Make the sequences, in a thread: a large picture takes longer than a person should wait for a key."""
        if self._writer is not None:
            text = self._writer.show(pixels, place)
            self.app.call_from_thread(self._put, text, place)

    def _put(self, text: str, place: Place) -> None:
        if self.is_current:
            self._place = place
            self._write(text)

    def _clear(self) -> None:
        if self._writer is not None and self._place is not None:
            self._write(self._writer.clear(self._place))
            self._place = None

    def _write(self, text: str) -> None:
        if isinstance(self.app, LinkedApp):
            self.app.write_to_terminal(text)

    def action_flip(self) -> None:
        """Show the other picture."""
        self._pictures = self._pictures[::-1]
        self._show()

    async def action_dismiss(self, result: None = None) -> None:
        """Take the picture away and close."""
        self._clear()
        self.dismiss(result)
        self.app.refresh(layout=True)
