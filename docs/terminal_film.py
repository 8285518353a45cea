"""Runs a program in a terminal made of software and films it: an asciicast, stills and a moving SVG of its screen.

with Film(["retouch", "photo.png"], columns=80, rows=24) as film:
    film.until("Generate")          # words on the screen
    film.press("b", pause=0.3)
    film.drag([(20, 8), (30, 9)])   # cells, counted from 0
    picture = still(film.screen)    # a PIL image
film.cast("edit.cast"); moving_svg(film.frames, "edit.svg")
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
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from xml.sax.saxutils import escape

import pyte
from PIL import Image, ImageDraw, ImageFont

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

FONTS = Path("/usr/share/fonts/truetype/dejavu")


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


# -- stills ---------------------------------------------------------------------------------------------------

ACROSS, DOWN = 9, 18
"""Pixels of a cell in a still."""

HALVES = {"▀": (0.0, 0.5), "▄": (0.5, 1.0), "█": (0.0, 1.0)}
"""Glyphs that are drawn as boxes: from where to where down the cell they are inked."""


def still(screen: Screen, margin: int = 8) -> Image.Image:
    """Draw a screen."""
    high, wide = len(screen), len(screen[0])
    image = Image.new("RGB", (wide * ACROSS + 2 * margin, high * DOWN + 2 * margin), f"#{BACKGROUND}")
    draw = ImageDraw.Draw(image)
    fonts = [ImageFont.truetype(str(FONTS / name), 15) for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")]
    for row, line in enumerate(screen):
        for column, cell in enumerate(line):
            x, y = margin + column * ACROSS, margin + row * DOWN
            draw.rectangle((x, y, x + ACROSS - 1, y + DOWN - 1), fill=f"#{cell.back}")
            if cell.text in HALVES:
                top, bottom = (round(part * DOWN) for part in HALVES[cell.text])
                draw.rectangle((x, y + top, x + ACROSS - 1, y + bottom - 1), fill=f"#{cell.front}")
    for row, line in enumerate(screen):
        for column, cell in enumerate(line):
            if cell.text not in HALVES and cell.text != " ":
                x, y = margin + column * ACROSS, margin + row * DOWN
                draw.text((x, y), cell.text, fill=f"#{cell.front}", font=fonts[cell.bold])
    return image


# -- moving pictures ------------------------------------------------------------------------------------------

LONGEST_REST_S = 1.2
"""A screen on which nothing happens is shown no longer: nobody wants to watch a processor work."""
SHORTEST_S = 0.05
"""Screens that follow each other faster become one."""
LAST_S = 2.5
"""How long the last one stays before the film begins again."""

Colours = dict[str, list[str]]


def cut_to_length(frames: Sequence[Frame]) -> list[Frame]:
    """Leave out what lasts too long, what lasts too short to be seen, and what looks like the frame before."""
    kept: list[Frame] = []
    at = last = 0.0
    for frame in frames:
        at, last = at + min(frame.at - last, LONGEST_REST_S), frame.at
        if kept and frame.screen == kept[-1].screen:
            continue
        if kept and at - kept[-1].at < SHORTEST_S:
            kept[-1] = Frame(kept[-1].at, frame.screen)
        else:
            kept.append(Frame(at, frame.screen))
    return kept


def moving_svg(frames: Sequence[Frame], path: Path, title: str, until_s: float | None = None) -> None:
    """Write frames as an SVG that moves by itself in a browser: no script, one layer for what each frame changed.

    Layers become visible one after another and stay, so a program that shows no animation shows the last frame.
    With until_s it does not move and shows that moment.
    """
    kept = cut_to_length(frames)
    length = kept[-1].at + LAST_S
    shown = kept if until_s is None else [frame for frame in kept if frame.at <= until_s]
    high, wide = len(shown[0].screen), len(shown[0].screen[0])
    layers, rules = [_layer(None, shown[0].screen, "")], []
    for number, (before, frame) in enumerate(pairwise(shown), start=1):
        layers.append(_layer(before.screen, frame.screen, f' id="f{number}"'))
        if until_s is None:
            share = f"{frame.at / length * 100:.3f}".rstrip("0").rstrip(".")
            rules.append(
                f"@keyframes k{number}{{0%{{visibility:hidden}}{share}%{{visibility:visible}}}}"
                f"#f{number}{{animation:k{number} {length:.2f}s step-end infinite}}"
            )
    style = (
        "text{font:15px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}.b{font-weight:bold}"
        "path{shape-rendering:crispEdges}"
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 {wide * ACROSS + 16} {high * DOWN + 16}" role="img">'
        f"<title>{escape(title)}</title><style>{style}{''.join(rules)}</style>"
        f'<rect x="-8" y="-8" width="100%" height="100%" rx="6" fill="#{BACKGROUND}"/>'
    )
    path.write_text(head + "\n" + "\n".join(layers) + "\n</svg>\n", encoding="utf-8")


def _layer(before: Screen | None, after: Screen, name: str) -> str:
    """Everything that differs between two screens, as one group."""
    changed = [
        [before is None or before[row][column] != cell for column, cell in enumerate(line)]
        for row, line in enumerate(after)
    ]
    paths = "".join(
        f'<path fill="#{colour}" d="{"".join(boxes)}"/>' for colour, boxes in _boxes(after, changed).items()
    )
    return f"<g{name}>{paths}{_words(after, changed)}</g>"


def _halves(cell: Cell) -> tuple[str, str]:
    """The colours of the upper and the lower half of a cell, without its glyph."""
    if cell.text not in HALVES:
        return cell.back, cell.back
    top, bottom = HALVES[cell.text]
    return cell.front if top == 0.0 else cell.back, cell.front if bottom == 1.0 else cell.back


def _boxes(screen: Screen, changed: Sequence[Sequence[bool]]) -> Colours:
    """Boxes of one colour, by colour: runs of half-cells, joined with equal ones in the rows above."""
    found: Colours = {}
    open_: dict[tuple[int, int, str], int] = {}

    def close(run: tuple[int, int, str], bottom: int) -> None:
        start, end, colour = run
        top = open_.pop(run)
        wide, high = (end - start) * ACROSS, (bottom - top) * DOWN // 2
        found.setdefault(colour, []).append(f"M{start * ACROSS} {top * DOWN // 2}h{wide}v{high}h-{wide}z")

    for half in range(2 * len(screen)):
        runs: list[tuple[int, int, str]] = []
        for column, cell in enumerate(screen[half // 2]):
            if not changed[half // 2][column]:
                continue
            colour = _halves(cell)[half % 2]
            if runs and runs[-1][1] == column and runs[-1][2] == colour:
                runs[-1] = (runs[-1][0], column + 1, colour)
            else:
                runs.append((column, column + 1, colour))
        for run in [run for run in open_ if run not in runs]:
            close(run, half)
        for run in runs:
            open_.setdefault(run, half)
    for run in list(open_):
        close(run, 2 * len(screen))
    return found


def _words(screen: Screen, changed: Sequence[Sequence[bool]]) -> str:
    """The characters, word by word, each as wide as its cells whatever font there is."""
    found = []
    for row, line in enumerate(screen):
        column = 0
        while column < len(line):
            first = column
            look = (line[first].front, line[first].bold)
            while (
                column < len(line)
                and changed[row][column]
                and line[column].text not in HALVES
                and line[column].text != " "
                and (line[column].front, line[column].bold) == look
            ):
                column += 1
            if column == first:
                column += 1
                continue
            word = "".join(cell.text for cell in line[first:column])
            bold = ' class="b"' if look[1] else ""
            found.append(
                f'<text x="{first * ACROSS}" y="{row * DOWN + 14}" fill="#{look[0]}"{bold}'
                f' textLength="{(column - first) * ACROSS}" lengthAdjust="spacingAndGlyphs">{escape(word)}</text>'
            )
    return "".join(found)
