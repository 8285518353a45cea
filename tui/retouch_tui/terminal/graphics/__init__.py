"""Real pixels for stills and results, in three dialects behind one interface.

A writer makes text; the app writes it through Textual's own writer (`LinkedApp.write_to_terminal`), behind
the frames, so that pictures and cells never mix.
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import cv2
import numpy as np

from retouch.arrays import RGB
from retouch_models.registry import Registry
from retouch_tui.terminal.capabilities import Capabilities

USUAL_CELL = (8, 16)
"""Width and height of a cell in pixels where the terminal does not tell."""

TMUX_SECONDS = 1.0
"""Longest wait for an answer of tmux."""

SAVE, RESTORE = "\x1b7", "\x1b8"
"""The cursor's place (DECSC, DECRC)."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where on the screen a picture goes: cells counted from 0, and the size of a cell in pixels.

    The last row of the screen stays free: a sixel picture there scrolls it.
    number tells pictures on one screen apart, from 1.
    """

    column: int
    row: int
    columns: int
    rows: int
    cell_px: tuple[int, int] = USUAL_CELL
    number: int = 1

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.columns * self.cell_px[0]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.rows * self.cell_px[1]

    @property
    def go(self) -> str:
        """The sequence that moves the cursor to the upper left cell."""
        return f"\x1b[{self.row + 1};{self.column + 1}H"


class Writer(Protocol):
    """One way to show pixels."""

    stays: bool
    """Whether the picture stays when cells below it are written anew (else it must be shown again)."""

    def show(self, picture: RGB, place: Place) -> str:
        """Return the text that shows the picture in a place, stretched to it, and puts the cursor back."""
        ...

    def clear(self, place: Place) -> str:
        """Return the text that takes it away; empty where repainting the cells does that."""
        ...


WRITERS: Registry[Writer] = Registry("retouch_tui.terminal.graphics", "kind of graphics")


def writer(found: Capabilities) -> Writer | None:
    """Return the writer for a terminal, passing through tmux where that is in between; None for half-blocks."""
    if found.graphics == "none" or (found.multiplexer == "tmux" and not tmux_passes()):
        return None
    chosen = WRITERS[found.graphics]
    return Passing(chosen) if found.multiplexer == "tmux" else chosen


def _tmux(*words: str) -> str:
    """Ask tmux about our pane; empty where it does not answer."""
    pane = os.environ.get("TMUX_PANE")
    if pane is None:
        return ""
    try:
        told = subprocess.run(
            ["tmux", words[0], "-t", pane, *words[1:]],
            capture_output=True,
            text=True,
            timeout=TMUX_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout


@cache
def tmux_passes() -> bool:
    """Whether tmux hands on what is wrapped for it; taken for granted where it does not say no."""
    return _tmux("show-options", "-Apqv", "allow-passthrough").strip() != "off"


def tmux_pane() -> tuple[int, int]:
    """Ask tmux where on its terminal our pane begins: column and row; (0, 0) where it does not say."""
    told = _tmux("display-message", "-p", "#{pane_left} #{pane_top} #{status-position} #{status}").split()
    if len(told) != 4 or not (told[0].isdecimal() and told[1].isdecimal()):
        return 0, 0
    left, top, position, lines = told
    above = {"off": 0, "on": 1}.get(lines, int(lines) if lines.isdecimal() else 1) if position == "top" else 0
    return int(left), int(top) + above


class Passing:
    """A writer whose text tmux hands on to its own terminal (tmux needs `set -g allow-passthrough on`)."""

    stays = False

    def __init__(self, inner: Writer, pane: Callable[[], tuple[int, int]] = tmux_pane) -> None:
        """Wrap a writer; `pane` tells where ours begins."""
        self._inner, self._pane = inner, pane

    def show(self, picture: RGB, place: Place) -> str:
        """Return the wrapped text; the cursor moves in it are those of the outer terminal."""
        left, top = self._pane()
        return passed(self._inner.show(picture, replace(place, column=place.column + left, row=place.row + top)))

    def clear(self, place: Place) -> str:
        """Return the wrapped text."""
        return passed(self._inner.clear(place))


def passed(text: str) -> str:
    """Wrap text for tmux, which strips the wrapping and halves the escapes."""
    doubled = text.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\" if text else ""


def stretched(picture: RGB, width: int, height: int) -> RGB:
    """Return the picture at a size in pixels, averaged when shrinking."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = width * height < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (max(width, 1), max(height, 1)), interpolation=how), np.uint8)
