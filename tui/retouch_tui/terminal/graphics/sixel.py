"""Sixel (DEC STD 070, chapter 9): bands of six rows, one pass per colour, for foot, Windows Terminal, Konsole."""

from dataclasses import replace
from math import floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retouch.arrays import RGB
from retouch_tui.terminal.graphics import RESTORE, SAVE, WRITERS, Place, stretched

COLOURS = 256
BAND = 6
"""Rows that one character covers, the least significant bit on top."""

LIMIT = 1000
"""Pixels along a side; xterm draws nothing at all beyond."""

FIRST = 63
"""The character of no pixels; the bits are added to it."""


class Sixel:
    """Pictures of 256 colours that take the place of their cells."""

    stays = False

    def show(self, picture: RGB, place: Place) -> str:
        """Return the picture at the size of its cells, or in their middle where it would be too large."""
        fits = min(1.0, LIMIT / max(place.width, place.height))
        columns, rows = floor(place.columns * fits), floor(place.rows * fits)
        middle = replace(
            place,
            column=place.column + (place.columns - columns) // 2,
            row=place.row + (place.rows - rows) // 2,
            columns=columns,
            rows=rows,
        )
        exact = stretched(picture, middle.width, middle.height)
        return f"{SAVE}{middle.go}{encode(exact)}{RESTORE}"

    def clear(self, place: Place) -> str:  # noqa: ARG002 - writing the cells removes the picture
        """Return nothing."""
        return ""


def encode(picture: RGB) -> str:
    """Return a picture as one sixel string of at most 256 colours."""
    image = Image.fromarray(picture).quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    index = np.asarray(image, np.uint8)
    height, width = index.shape
    palette = np.array(image.getpalette(), np.int32).reshape(-1, 3)[: int(index.max()) + 1]
    names = "".join(
        f"#{number};2;{red};{green};{blue}"
        for number, (red, green, blue) in enumerate(((palette * 100 + 127) // 255).tolist())
    )
    bands = "-".join(_band(index[top : top + BAND]) for top in range(0, height, BAND))
    return f'\x1bP0;1;0q"1;1;{width};{height}{names}{bands}\x1b\\'


def _band(rows: NDArray[np.uint8]) -> str:
    """Write each colour of a band over the whole width, then return to its start (`$`)."""
    colours = np.unique(rows)
    bits = np.zeros((len(colours), rows.shape[1]), np.uint8)
    for place, row in enumerate(rows):
        bits |= (row[None, :] == colours[:, None]).astype(np.uint8) << place
    return "$".join(f"#{colour}{_runs(line)}" for colour, line in zip(colours.tolist(), bits, strict=True))


def _runs(line: NDArray[np.uint8]) -> str:
    """Write one colour's characters, repeated ones as `!count`; blank ones at the end are left out."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(line)) + 1])
    values = line[starts].tolist()
    lengths = np.diff(np.concatenate([starts, [line.size]])).tolist()
    if not values[-1]:
        values.pop()
    return "".join(
        f"!{length}{chr(FIRST + value)}" if length > 3 else chr(FIRST + value) * length
        for value, length in zip(values, lengths, strict=False)
    )


WRITERS.register(Sixel())
