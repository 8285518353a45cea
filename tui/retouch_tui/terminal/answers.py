"""Keeps late answers of the terminal out of the input.

A terminal at the end of a very slow line answers the probe when the app has long begun. Textual would take such an
answer apart and hand on its characters as keys, which here choose tools and erase masks.
"""

import re
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from time import monotonic

from textual._xterm_parser import XTermParser
from textual.message import Message

LATE = re.compile(
    r"\x1b(?:P(?:>\||[01][+$]r)|_G|\]1[01];)(?:[^\x1b\x07]|\x1b(?!\\))*(?:\x1b\\|\x07)"  # strings: name, colours
    r"|\x1b\[(?:[?>][\d;]*c|\?\d+u|[46];\d+;\d+t)"  # attributes, keyboard, sizes
    r"|\x1b\[\?1016;\d\$y"  # pixel mouse; Textual wants to know of other modes
)
"""Answers to the probe that no key looks like and that Textual does not ask for itself."""

BEGUN = re.compile(
    r"\x1b(?:P(?:>(?:\|(?:[^\x1b\x07]|\x1b(?!\\))*)?|[01](?:[+$](?:r(?:[^\x1b\x07]|\x1b(?!\\))*)?)?)?"
    r"|_(?:G(?:[^\x1b\x07]|\x1b(?!\\))*)?|\](?:1(?:[01](?:;(?:[^\x1b\x07]|\x1b(?!\\))*)?)?)?"
    r"|\[(?:\?[\d;]*\$?|>[\d;]*|[46](?:;[\d;]*)?)?)\x1b?$"
)
"""The beginning of one, cut by the end of a read."""

HOLD_S = 0.5
"""The rest of an answer follows within this time; if not, somebody pressed Alt and a letter."""


class AnswerFilter:
    """Takes what is read and returns what is left without late answers."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """The clock gives seconds."""
        self._clock = clock
        self._held = ""
        self._since = 0.0

    def __call__(self, text: str) -> str:
        """Return the text without answers; one that has only begun is held back."""
        whole = LATE.sub("", self._held + text)
        begun = BEGUN.search(whole)
        self._held = whole[begun.start() :] if begun else ""
        self._since = self._clock()
        return whole[: begun.start()] if begun else whole

    def given_up(self) -> str:
        """Return what was held back in vain."""
        if not self._held or self._clock() - self._since < HOLD_S:
            return ""
        held, self._held = self._held, ""
        return held


class PixelMouse:
    """How many pixels a cell has where the mouse is reported in pixels; None where it is reported in cells."""

    cell_px: tuple[float, float] | None = None


class QuietParser(XTermParser):
    """Textual's parser behind the filter; reads pixels also of terminals that do not report their size in them."""

    def __init__(self, debug: bool = False) -> None:
        """Make a parser, as Textual does."""
        super().__init__(debug)
        self._filter = AnswerFilter()

    def feed(self, data: str) -> Iterable[Message]:
        """Parse what was read; no data is the end."""
        left = self._filter(data) if data else data
        return super().feed(left) if left or not data else ()

    def parse_mouse_code(self, code: str) -> Message | None:
        """Read an event of the mouse, in pixels where it is so."""
        if PixelMouse.cell_px is not None:
            self.mouse_pixels = True
            self.terminal_size, self.terminal_pixel_size = (1, 1), PixelMouse.cell_px  # type: ignore[assignment]
        return super().parse_mouse_code(code)

    def tick(self) -> Iterable[Message]:
        """Look whether a key has been waited for in vain."""
        held = self._filter.given_up()
        if held:
            yield from super().feed(held)
        yield from super().tick()


def install(cell_px: tuple[float, float] | None = None) -> None:
    """Let Textual's drivers make quiet parsers; they offer no other way to choose one.

    cell_px is the size of a cell where the mouse will be reported in pixels without Textual's doing.
    """
    PixelMouse.cell_px = cell_px
    driver = import_module("textual.drivers.win32" if sys.platform == "win32" else "textual.drivers.linux_driver")
    driver.XTermParser = QuietParser  # type: ignore[attr-defined]
