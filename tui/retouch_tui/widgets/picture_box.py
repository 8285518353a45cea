"""A still picture in half-blocks, fitted into whatever room there is."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from retouch.arrays import RGB
from retouch_tui.widgets.filmstrip import half_blocks


class PictureBox(Widget):
    """Shows a picture, or words while there is none."""

    ALLOW_SELECT = False

    def __init__(self, words: str = "", *, id: str | None = None) -> None:
        """Begin without a picture."""
        super().__init__(id=id)
        self._words = words
        self._pixels: RGB | None = None
        self._rows: list[list[Segment]] = []
        self._drawn = (0, 0)

    def show(self, pixels: RGB | None, words: str = "") -> None:
        """Show a picture, (H, W, 3), or words."""
        self._pixels, self._words = pixels, words
        self._drawn = (0, 0)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        width, height = self.size
        style = self.rich_style
        if self._pixels is None or width == 0 or height == 0:
            lines = self._words.splitlines()
            text = lines[y] if y < len(lines) else ""
            return Strip([Segment(text[:width], style)]).extend_cell_length(width, style)
        if self._drawn != (width, height):
            self._rows = half_blocks(self._pixels, width, height, self.background_colors[1].rgb)
            self._drawn = (width, height)
        return Strip(self._rows[y])
