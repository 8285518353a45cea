"""Writes cells as terminal text: colours only where they change, all rows in one pass of numpy.

Select Graphic Rendition is ECMA-48 §8.3.117; its 24-bit and 256-colour forms are those of xterm.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from retouch_tui.terminal.cells import FULL, GLYPHS, SPACE, Cells
from retouch_tui.terminal.colour import UNSET, Codes, ColourDepth

RESET = "\x1b[0m"
FEW = 10
"""Up to this many cells a loop is quicker than the setting up of arrays."""

Bytes = NDArray[np.uint8]
Keep = NDArray[np.bool_]


def encode(cells: Cells) -> list[str]:
    """Return each row as text that starts from no colours and ends without resetting them."""
    if cells.glyph.size <= FEW or cells.depth is ColourDepth.NONE:
        return [_row_by_cell(cells, row) for row in range(cells.rows)]
    front = _changes(cells.fg, cells.glyph != SPACE)
    back = _changes(cells.bg, cells.glyph != FULL)
    glyph, glyph_keep = _glyph_bytes()
    fields = [
        _constant(b"\x1b[", front | back),
        _colour_field(cells.fg, cells.depth, 30, front),
        _constant(b";", front & back),
        _colour_field(cells.bg, cells.depth, 40, back),
        _constant(b"m", front | back),
        (glyph[cells.glyph], glyph_keep[cells.glyph]),
    ]
    written = np.concatenate([field for field, _ in fields], axis=-1)
    keep = np.concatenate([kept for _, kept in fields], axis=-1)
    return [written[row][keep[row]].tobytes().decode() for row in range(cells.rows)]


def _changes(colours: Codes, needed: Keep) -> Keep:
    """Say where a colour must be set: it is seen there and was not the last one set in the row."""
    column = np.arange(colours.shape[1])
    last = np.maximum.accumulate(np.where(needed, column, -1), axis=1)
    before = np.full(colours.shape, -1, last.dtype)
    before[:, 1:] = last[:, :-1]
    previous = np.take_along_axis(colours, np.maximum(before, 0), axis=1)
    return np.asarray(needed & ((before < 0) | (colours != previous)) & (colours != UNSET), np.bool_)


def _constant(text: bytes, where: Keep) -> tuple[Bytes, Keep]:
    shape = (*where.shape, len(text))
    return np.broadcast_to(np.frombuffer(text, np.uint8), shape), np.broadcast_to(where[..., None], shape)


def _colour_field(colours: Codes, depth: ColourDepth, ground: int, where: Keep) -> tuple[Bytes, Keep]:
    """Return the parameters that set each colour and which of their bytes to keep."""
    if depth is not ColourDepth.TRUECOLOUR:
        text, keep = _palette_bytes(depth, ground)
        index = np.maximum(colours, 0)
        return text[index], keep[index] & where[..., None]
    digits, digits_keep = _digits()
    prefix = np.frombuffer(f"{ground + 8};2;".encode(), np.uint8)
    text = np.empty((*colours.shape, 5 + 12), np.uint8)
    keep = np.empty(text.shape, np.bool_)
    text[..., :5] = prefix
    keep[..., :5] = where[..., None]
    for channel, shift in enumerate((16, 8, 0)):
        value = colours >> shift & 255
        field = slice(5 + 4 * channel, 9 + 4 * channel)
        text[..., field] = digits[value]
        keep[..., field] = digits_keep[value] & where[..., None]
    return text[..., :-1], keep[..., :-1]


@cache
def _digits() -> tuple[Bytes, Keep]:
    """`NNN;` for each value of a channel."""
    return _table([f"{value};" for value in range(256)], right=True)


@cache
def _palette_bytes(depth: ColourDepth, ground: int) -> tuple[Bytes, Keep]:
    return _table([_palette_parameter(code, depth, ground) for code in range(256)], right=False)


@cache
def _glyph_bytes() -> tuple[Bytes, Keep]:
    return _table(list(GLYPHS), right=False)


def _table(texts: list[str], *, right: bool) -> tuple[Bytes, Keep]:
    encoded = [text.encode() for text in texts]
    width = max(map(len, encoded))
    padded = [text.rjust(width, b"\0") if right else text.ljust(width, b"\0") for text in encoded]
    table = np.frombuffer(b"".join(padded), np.uint8).reshape(len(texts), width)
    length = np.array([len(text) for text in encoded])[:, None]
    place = np.arange(width)
    return table, place >= width - length if right else place < length


def _palette_parameter(code: int, depth: ColourDepth, ground: int) -> str:
    if depth is ColourDepth.ANSI and code < 16:
        return str(ground + code if code < 8 else ground + 52 + code)
    return f"{ground + 8};5;{code}"


def _parameter(code: int, depth: ColourDepth, ground: int) -> str:
    if depth is ColourDepth.TRUECOLOUR:
        return f"{ground + 8};2;{code >> 16};{code >> 8 & 255};{code & 255}"
    return _palette_parameter(code, depth, ground)


def _row_by_cell(cells: Cells, row: int) -> str:
    text: list[str] = []
    last_fg = last_bg = UNSET
    depth = cells.depth
    for glyph, fg, bg in zip(cells.glyph[row].tolist(), cells.fg[row].tolist(), cells.bg[row].tolist(), strict=True):
        wanted = []
        if fg not in (last_fg, UNSET) and glyph != SPACE:
            wanted.append(_parameter(fg, depth, 30))
            last_fg = fg
        if bg not in (last_bg, UNSET) and glyph != FULL:
            wanted.append(_parameter(bg, depth, 40))
            last_bg = bg
        if wanted:
            text.append(f"\x1b[{';'.join(wanted)}m")
        text.append(GLYPHS[glyph])
    return "".join(text)
