"""Reads colours back out of a VT emulator, the judge of every byte the canvas writes."""

import numpy as np
import pyte
from numpy.typing import NDArray

BASIC = {"black": 0, "red": 1, "green": 2, "brown": 3, "blue": 4, "magenta": 5, "cyan": 6, "white": 7}


class Screen:
    """A terminal of a size, fed with what an app writes."""

    def __init__(self, columns: int, rows: int) -> None:
        """Start blank."""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)

    def feed(self, text: str) -> None:
        """Write text; sequences that pyte does not know are skipped by it."""
        # pyte prints what follows the `>` and `<` of private sequences it does not know.
        self._stream.feed(text)

    def rows(self) -> list[str]:
        """The characters."""
        return list(self.screen.display)

    def glyph(self, column: int, row: int) -> str:
        """The character at a place."""
        return str(self.screen.buffer[row][column].data)

    def colours(self, column: int, row: int) -> tuple[str, str]:
        """Foreground and background at a place, as pyte names them: `rrggbb`, a word, or `default`."""
        cell = self.screen.buffer[row][column]
        return cell.fg, cell.bg

    def half_pixels(self, left: int, top: int, columns: int, rows: int) -> NDArray[np.uint8]:
        """The pixels that half-blocks of 24-bit colours show, (2 * rows, columns, 3)."""
        pixels = np.zeros((2 * rows, columns, 3), np.uint8)
        for row in range(rows):
            for column in range(columns):
                fg, bg = self.colours(left + column, top + row)
                upper = bg if self.glyph(left + column, top + row) == " " else fg
                pixels[2 * row, column] = rgb(upper)
                pixels[2 * row + 1, column] = rgb(bg)
        return pixels


def rgb(name: str) -> tuple[int, int, int]:
    """The colour `rrggbb`."""
    value = int(name, 16)
    return value >> 16, value >> 8 & 255, value & 255
