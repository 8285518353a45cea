"""Colours as a terminal understands them: 24 bit, 256, 16 or none."""

from enum import StrEnum
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""Part of a view, (h, w, 3), sRGB 0..255."""

Codes: TypeAlias = NDArray[np.int32]
"""Colours ready to be written, any shape: 0xRRGGBB, a palette index, or UNSET; which one the depth says."""

UNSET = -1
"""The terminal's own colour."""


class ColourDepth(StrEnum):
    """How many colours the terminal shows; the values are the words of flags and of the configuration."""

    TRUECOLOUR = "truecolor"
    PALETTE = "256"
    ANSI = "16"
    NONE = "none"


LUMA = (299, 587, 114)
"""Thousandths of R, G and B in the brightness of a pixel (ITU-R BT.601)."""

CUBE = (0, 95, 135, 175, 215, 255)
"""Levels of the 6x6x6 cube that starts at palette index 16."""

ANSI_COLOURS = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip
"""The 16 colours as xterm shows them; every terminal shifts them a little."""

VIVID = 2.0
CHROMA = 1.7
"""How much colours are amplified before the 16 are compared, and how much more they count than brightness."""

BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.int32)
"""Ordered dither, 4x4, 0..15 (Bayer 1973): it stays put when only a part is painted anew."""


def luminance(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the brightness of each pixel, uint8 0..255."""
    weighted = pixels.astype(np.int32) @ np.array(LUMA, np.int32)
    return (weighted // 1000).astype(np.uint8)


def codes(pixels: Pixels, depth: ColourDepth, row: int, column: int) -> Codes:
    """Return the colour code of each pixel, (h, w); row and column place the dither pattern."""
    if depth is ColourDepth.TRUECOLOUR:
        wide = pixels.astype(np.int32)
        return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], np.int32)
    if depth is ColourDepth.NONE:
        return np.full(pixels.shape[:2], UNSET, np.int32)
    threshold = _thresholds(pixels.shape[0], pixels.shape[1], row, column)
    return _cube_codes(pixels, threshold) if depth is ColourDepth.PALETTE else _ansi_codes(pixels, threshold)


def rgb(code: int, depth: ColourDepth) -> tuple[int, int, int]:
    """Return the colour a code stands for (not for UNSET)."""
    if depth is ColourDepth.TRUECOLOUR:
        return code >> 16, code >> 8 & 255, code & 255
    if code < 16:
        return ANSI_COLOURS[code]
    if code >= 232:
        return (8 + 10 * (code - 232),) * 3
    place = code - 16
    return CUBE[place // 36], CUBE[place // 6 % 6], CUBE[place % 6]


def hold(pixels: Pixels, tolerance: int) -> Pixels:
    """Repeat a pixel to the right for as long as no channel strays further than the tolerance.

    The picture gets coarser and its escape sequences fewer: 16 halves the bytes of a photo.
    """
    held = pixels.copy()
    if tolerance <= 0 or not held.size:
        return held
    current = held[:, 0].astype(np.int16)
    for column in range(1, held.shape[1]):
        fresh = held[:, column].astype(np.int16)
        near = np.abs(fresh - current).max(axis=1, keepdims=True) <= tolerance
        current = np.where(near, current, fresh)
        held[:, column] = current
    return held


def calm(pixels: Pixels, where: NDArray[np.bool_], tolerance: int) -> Pixels:
    """Give cells one colour each, and neighbours the same one, where nothing strays further than the tolerance.

    pixels (2 * rows, across * columns, 3); where (rows, columns) says which cells may change. A cell of one colour
    is a space, and a run of them one escape sequence: a tenth of the bytes of as many pairs of colours.
    """
    rows, columns = where.shape
    across = pixels.shape[1] // columns
    cells = pixels.reshape(rows, 2, columns, across, 3)
    low, high = (bound.astype(np.int16) for bound in (cells.min(axis=(1, 3)), cells.max(axis=(1, 3))))
    middle = (low + high) // 2
    plain = where & ((high - low).max(axis=2) <= 2 * tolerance)
    follows = np.zeros_like(where)
    follows[:, 1:] = where[:, 1:] & where[:, :-1]
    shown, one = middle.copy(), plain.copy()
    current = middle[:, 0]
    for column in range(1, columns):
        away = np.maximum(high[:, column] - current, current - low[:, column]).max(axis=1)
        goes_on = follows[:, column] & (away <= tolerance)
        current = np.where(goes_on[:, None], current, middle[:, column])
        shown[:, column] = current
        one[:, column] |= goes_on
    wide = np.broadcast_to(shown.astype(np.uint8)[:, None, :, None], cells.shape)
    return np.where(one[:, None, :, None, None], wide, cells).reshape(pixels.shape)


def _thresholds(height: int, width: int, row: int, column: int) -> NDArray[np.int32]:
    rows, columns = (np.arange(height) + row) % 4, (np.arange(width) + column) % 4
    return np.asarray(BAYER[rows[:, None], columns[None, :]])


@cache
def _cube_steps() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each channel value the cube level below it and how far above that it lies, in sixteenths."""
    levels = np.array(CUBE)
    value = np.arange(256)
    below = np.clip(np.searchsorted(levels, value, side="right") - 1, 0, 4)
    part = (value - levels[below]) * 16 / (levels[below + 1] - levels[below])
    return below.astype(np.int32), np.round(part).astype(np.int32)


def nearest_cube(pixels: Pixels) -> Pixels:
    """Return the nearest colours of the cube, which are not dithered."""
    levels = np.array(CUBE, np.int32)
    table = np.abs(np.arange(256)[:, None] - levels).argmin(axis=1)
    return np.asarray(levels[table[pixels]], np.uint8)


def _cube_codes(pixels: Pixels, threshold: NDArray[np.int32]) -> Codes:
    # Only the middle half of the way between two levels is dithered: flat colours stay calm.
    below, part = _cube_steps()
    level = below[pixels] + (2 * part[pixels] > threshold[..., None] + 8)
    return np.asarray(16 + 36 * level[..., 0] + 6 * level[..., 1] + level[..., 2], np.int32)


@cache
def _nearest_ansi() -> NDArray[np.int32]:
    """The 16-colour likeness for 32 levels a channel, (32, 32, 32).

    The 16 colours are grey or glaring: with plain distances grass and sky turn grey, so colourfulness counts double.
    """
    level = np.arange(32) * 255 // 31
    grid = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1)
    away = _opponent(grid, VIVID)[..., None, :] - _opponent(np.array(ANSI_COLOURS), 1.0)
    return np.asarray((away**2).sum(axis=-1).argmin(axis=-1), np.int32)


def _opponent(colours: NDArray[np.int64], vivid: float) -> NDArray[np.float64]:
    """Brightness, blueness and redness (YCbCr of ITU-R BT.601), the latter two weighted and amplified."""
    y = colours @ np.array(LUMA) / 1000
    blue, red = (colours[..., 2] - y) * 0.564, (colours[..., 0] - y) * 0.713
    return np.stack([y, blue * vivid * CHROMA, red * vivid * CHROMA], axis=-1)


def _ansi_codes(pixels: Pixels, threshold: NDArray[np.int32]) -> Codes:
    shaken = np.clip(pixels.astype(np.int32) + (threshold * 4 - 30)[..., None], 0, 255) >> 3
    return np.asarray(_nearest_ansi()[shaken[..., 0], shaken[..., 1], shaken[..., 2]], np.int32)
