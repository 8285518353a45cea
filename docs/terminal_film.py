"""Runs a program in a terminal made of software and films it; `screen_pictures` draws what was on the screen.

with Film(["retouch", "photo.png"], columns=80, rows=24) as film:
    film.until("Generate")          # words on the screen
    film.press("b", pause=0.3)
    film.drag([(20, 8), (30, 9)])   # cells, counted from 0
    screen = film.screen
film.cast("edit.cast")
"""

import fcntl
import json
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyte

BACKGROUND, FOREGROUND = "121212", "dadada"
BASIC = {
    "black": "000000", "red": "cd0000", "green": "00cd00", "brown": "cdcd00", "blue": "0000ee", "magenta": "cd00cd",
    "cyan": "00cdcd", "white": "e5e5e5",
}  # fmt: skip
"""The eight colours that the emulator names."""

ANSWERS = {
    rb"\x1b\[\?2026\$p": b"\x1b[?2026;2$y",
    rb"\x1bP\$qm\x1b\\": b"\x1bP1$r0;48:2:1:2:3m\x1b\\",
    rb"\x1b\[6n": b"\x1b[1;1R",
    rb"\x1b\[c": b"\x1b[?62;c",
}
"""Questions of the program and what a simple 24-bit terminal says."""

STRINGS = re.compile(r"\x1b[P_\]^X].*?(?:\x1b\\|\x07)|\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[[0-9;?]*\$p", re.DOTALL)
"""Sequences that the emulator would print instead of skipping."""

UNFINISHED = re.compile(r"\x1b(?:[P_\]^X](?:(?!\x1b\\|\x07).)*|\[[0-9;?<>=$]*)?$", re.DOTALL)

KEYS = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "space": " ", "backspace": "\x7f", "delete": "\x1b[3~",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
    "shift+up": "\x1b[1;2A", "shift+down": "\x1b[1;2B", "shift+right": "\x1b[1;2C", "shift+left": "\x1b[1;2D",
    "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~", "f6": "\x1b[17~",
    "f7": "\x1b[18~", "f8": "\x1b[19~", "f9": "\x1b[20~", "f10": "\x1b[21~", "f11": "\x1b[23~", "f12": "\x1b[24~",
}  # fmt: skip

LONGEST_REST_S = 1.2
"""A screen on which nothing happens is shown no longer: nobody wants to watch a processor work."""


class Cell(NamedTuple):
    """One place of the screen: a character and its colours as `rrggbb`."""

    text: str
    front: str
    back: str
    bold: bool = False


Screen = list[list[Cell]]


@dataclass(frozen=True)
class Frame:
    """What was on the screen from a moment on, in seconds since the film began."""

    at: float
    screen: Screen


class Film:
    """A program on a pty of its own, and everything it wrote."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start the program, in a folder of its own or in this one."""
        self.size = (columns, rows)
        self._emulator = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._emulator)
        self._rest, self._bytes, self._asked = "", b"", b""
        self._answers = [(re.compile(question), answer) for question, answer in ANSWERS.items()]
        self._began = time.monotonic()
        self._cut = 0.0
        self.written: list[tuple[float, str]] = []
        self.frames: list[Frame] = []
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * 9, rows * 18))
        kept = {name: value for name, value in os.environ.items() if name not in {"TMUX", "NO_COLOR", "STY"}}
        self._process = subprocess.Popen(
            list(command),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=folder,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})},
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def clock(self) -> float:
        """Seconds of film so far, without what was cut."""
        return time.monotonic() - self._began - self._cut

    @property
    def running(self) -> bool:
        """Whether the program runs."""
        return self._process.poll() is None

    def words(self) -> str:
        """The characters on the screen."""
        return "\n".join(self._emulator.display)

    @property
    def screen(self) -> Screen:
        """The screen as it is."""
        wide, high = self.size
        return [[_cell(self._emulator.buffer[row][column]) for column in range(wide)] for row in range(high)]

    def wait(self, seconds: float) -> None:
        """Film for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._master], [], [], min(left, 0.02))[0] and not self._read():
                return

    def until(self, words: str, *, limit_s: float = 120.0, gone: bool = False) -> None:
        """Film until words are on the screen, or gone; RuntimeError with the screen if they never are."""
        end = time.monotonic() + limit_s
        while (re.search(words, self.words()) is None) != gone:
            if time.monotonic() > end or not self.running:
                raise RuntimeError(f"waited in vain for {words!r}:\n{self.words()}")
            self.wait(0.05)

    def press(self, *keys: str, pause: float = 0.12) -> None:
        """Press keys by name or character, with a pause after each."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())
            self.wait(pause)

    def type(self, text: str, *, pause: float = 0.07) -> None:
        """Type a text."""
        self.press(*text, pause=pause)

    def mouse(self, kind: int, column: int, row: int, *, up: bool = False) -> None:
        """Send one event of the mouse (SGR 1006): 0 left, 2 right, 32 more while moving, 35 without a button."""
        os.write(self._master, f"\x1b[<{kind};{column + 1};{row + 1}{'m' if up else 'M'}".encode())

    def drag(self, cells: Sequence[tuple[int, int]], *, button: int = 0, pause: float = 0.06) -> None:
        """Press at the first cell, move through the others, let go at the last."""
        self.mouse(35, *cells[0])
        self.wait(pause)
        self.mouse(button, *cells[0])
        self.wait(pause)
        for cell in cells[1:]:
            self.mouse(button + 32, *cell)
            self.wait(pause)
        self.mouse(button, *cells[-1], up=True)
        self.wait(pause)

    def click(self, column: int, row: int) -> None:
        """Press and let go."""
        self.drag([(column, row)])

    def cut(self) -> None:
        """Begin the film here: what was on the screen is its first picture."""
        self._cut += self.clock
        screen = self.screen
        self.written = [(0.0, painted(screen))]
        self.frames = [Frame(0.0, screen)]

    def _read(self) -> bool:
        try:
            fresh = os.read(self._master, 65536)
        except OSError:
            return False
        if not fresh:
            return False
        self._answer(fresh)
        self._bytes += fresh
        try:
            text, self._bytes = self._bytes.decode(), b""
        except UnicodeDecodeError as error:
            text, self._bytes = self._bytes[: error.start].decode(), self._bytes[error.start :]
        at = self.clock
        self.written.append((at, text))
        text = STRINGS.sub("", self._rest + text)
        cut = UNFINISHED.search(text)
        text, self._rest = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
        self._stream.feed(text)
        self.frames.append(Frame(at, self.screen))
        return True

    def _answer(self, fresh: bytes) -> None:
        self._asked += fresh
        found = [(m.end(), answer) for ask, answer in self._answers for m in ask.finditer(self._asked)]
        for end, answer in sorted(found):
            os.write(self._master, answer)
            last = end
        self._asked = self._asked[last:] if found else self._asked[-64:]

    def cast(self, path: Path, title: str) -> None:
        """Write everything as an asciicast of version 2."""
        head = {"version": 2, "width": self.size[0], "height": self.size[1], "title": title}
        lines = [json.dumps(head)]
        at = last = 0.0
        for moment, text in self.written:
            at, last = at + min(moment - last, LONGEST_REST_S), moment
            lines.append(json.dumps([round(at, 3), "o", text], ensure_ascii=False))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(found: pyte.screens.Char) -> Cell:
    front, back = _colour(found.fg, FOREGROUND), _colour(found.bg, BACKGROUND)
    if found.reverse:
        front, back = back, front
    return Cell(found.data or " ", front, back, found.bold)


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    bright = name.removeprefix("bright")
    return BASIC.get(bright, name) if len(name) != 6 or name in BASIC else name


def painted(screen: Screen) -> str:
    """Return the text that paints a whole screen."""
    parts = []
    for row, line in enumerate(screen):
        parts.append(f"\x1b[{row + 1};1H")
        last: tuple[str, str, bool] | None = None
        for cell in line:
            look = (cell.front, cell.back, cell.bold)
            if look != last:
                parts.append(f"\x1b[0{';1' if cell.bold else ''};{_sgr(38, cell.front)};{_sgr(48, cell.back)}m")
                last = look
            parts.append(cell.text)
    return "\x1b[2J\x1b[?25l" + "".join(parts) + "\x1b[0m"


def _sgr(ground: int, colour: str) -> str:
    return f"{ground};2;{int(colour[:2], 16)};{int(colour[2:4], 16)};{int(colour[4:], 16)}"
