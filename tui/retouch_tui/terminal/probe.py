"""Asks the terminal what it can do: all questions in one write, before the app starts.

The last question is for the device attributes (DA1), which every terminal answers: once that answer is
there, no other can follow, so nothing is left to leak into the app's input, and a terminal that ignores
the rest costs one round trip and no timeout.
"""

import os
import re
import select
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

TIMEOUT_S = 3.0
"""Longest wait for the last answer: thrice the round trip of a very slow link. Only a terminal that answers
nothing at all costs it."""

SETTLE_S = 0.05
"""Wait for bytes that belong to the last answer's read."""

KITTY_QUERY = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
"""May I send a picture? tmux and screen would take it for a title."""

QUERIES = (
    "\x1b[>0q"  # XTVERSION: name and version
    f"{KITTY_QUERY}"
    "\x1b[16t\x1b[14t"  # cell and window in pixels
    "\x1b[?2026$p\x1b[?2048$p\x1b[?1016$p"  # synchronised output, resize reports, pixel mouse
    "\x1b[?u"  # kitty keyboard
    "\x1b]11;?\x1b\\"  # background colour
    "\x1bP+q524742\x1b\\"  # XTGETTCAP RGB
    "\x1b[48;2;1;2;3m\x1bP$qm\x1b\\\x1b[0m"  # DECRQSS: did a 24-bit colour arrive as one
    "\x1b[6n"  # DSR: cursor position, the acknowledgement of frames
    "\x1b[c"  # DA1, the last
)

PLAIN_QUERIES = "\x1b[6n\x1b[c"
"""For terminals that print what they do not understand."""

DEVICE_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
ANSWERS = re.compile(rb"\x1b\[[?>=]?[\d;:]*\$?[a-zA-Z]|\x1b[P_\]](?:[^\x1b\x07]|\x1b(?!\\))*(?:\x1b\\|\x07)", re.DOTALL)
"""Any answer: a control sequence, or a string with its end."""

Rgb: TypeAlias = tuple[int, int, int]


class Window(NamedTuple):
    """Size of the terminal in cells and in pixels, 0 where unknown."""

    columns: int
    rows: int
    width_px: int
    height_px: int


UNKNOWN_WINDOW = Window(0, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Replies:
    """What the terminal answered; None or False where it said nothing.

    Modes are DECRPM states: 0 unknown, 1 set, 2 reset, 3 always set, 4 never.
    """

    complete: bool = False
    round_trip_s: float | None = None
    name: str | None = None
    attributes: tuple[int, ...] = ()
    kitty_graphics: bool = False
    kitty_keyboard: bool = False
    cell_px: tuple[int, int] | None = None
    sync_mode: int | None = None
    resize_mode: int | None = None
    pixel_mouse_mode: int | None = None
    background: Rgb | None = None
    truecolour: bool = False
    cursor_report: bool = False
    typed: bytes = b""


SILENT = Replies()
"""A terminal that was not asked, or did not answer."""


def probe(
    fd_in: int,
    fd_out: int,
    *,
    plain: bool = False,
    multiplexed: bool = False,
    timeout_s: float = TIMEOUT_S,
    stay_deaf: bool = False,
) -> Replies:
    """Ask the terminal behind two file descriptors; answers SILENT where there is none.

    plain asks only what any terminal since the VT100 understands, multiplexed nothing that tmux would show. Takes
    one round trip, or timeout_s. With stay_deaf a terminal that has not answered all is left without echo, so that
    late answers do not show; whoever wants that restores its attributes (see `ShellGuard`).
    """
    if os.name != "posix" or not (os.isatty(fd_in) and os.isatty(fd_out)):
        return SILENT
    queries = PLAIN_QUERIES if plain else QUERIES.replace(KITTY_QUERY, "") if multiplexed else QUERIES
    answer = b""
    with _raw(fd_in, lambda: stay_deaf and DEVICE_ATTRIBUTES.search(answer) is None):
        started = time.monotonic()
        # Save the cursor and wipe the line after: a terminal that printed a question shows no trace of it.
        os.write(fd_out, f"\x1b7{queries}".encode())
        answer, first = _read_until_last(fd_in, started, timeout_s)
        os.write(fd_out, b"\x1b8\x1b[K")
    return parse(answer, None if first is None else first - started, window_of(fd_out))


def parse(answer: bytes, round_trip_s: float | None, window: Window = UNKNOWN_WINDOW) -> Replies:
    """Read the terminal's answers; what is not one was typed by a person.

    window is what the system knows, for terminals that do not tell the size of a cell.
    """
    attributes = DEVICE_ATTRIBUTES.search(answer)
    background = re.search(rb"\x1b\]11;rgb:([0-9a-fA-F/]+)", answer)
    name = re.search(rb"\x1bP>\|([^\x1b\x07]*)", answer)
    cell = re.search(rb"\x1b\[6;(\d+);(\d+)t", answer)
    told = re.search(rb"\x1b\[4;(\d+);(\d+)t", answer)
    if told is not None:
        window = window._replace(width_px=int(told.group(2)), height_px=int(told.group(1)))
    return Replies(
        complete=attributes is not None,
        round_trip_s=round_trip_s if ANSWERS.search(answer) else None,
        name=None if name is None else name.group(1).decode("utf-8", "replace"),
        attributes=() if attributes is None else _numbers(attributes.group(1)),
        kitty_graphics=re.search(rb"\x1b_G[^\x1b]*;OK", answer) is not None,
        kitty_keyboard=re.search(rb"\x1b\[\?\d+u", answer) is not None,
        cell_px=cell_size(cell, window),
        sync_mode=_mode(answer, 2026),
        resize_mode=_mode(answer, 2048),
        pixel_mouse_mode=_mode(answer, 1016),
        background=None if background is None else _rgb(background.group(1).decode()),
        truecolour=_truecolour(answer),
        cursor_report=re.search(rb"\x1b\[\d+;\d+R", answer) is not None,
        typed=ANSWERS.sub(b"", answer),
    )


def settle(fd_in: int, fd_out: int, timeout_s: float = TIMEOUT_S) -> None:
    """Wait for all answers that are still on their way, so that they do not end in the shell's command line."""
    if os.name != "posix" or not (os.isatty(fd_in) and os.isatty(fd_out)):
        return
    with suppress(OSError), _raw(fd_in, lambda: False):  # the line may have gone meanwhile
        os.write(fd_out, b"\x1b[c")
        _read_until_last(fd_in, time.monotonic(), timeout_s)


@contextmanager
def _raw(fd: int, deaf_after: Callable[[], bool]) -> Iterator[None]:
    import termios
    import tty

    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd, termios.TCSANOW)
        yield
    finally:
        if deaf_after():
            before[tty.LFLAG] &= ~(termios.ECHO | termios.ICANON)
        # TCSAFLUSH drops what came too late to be read, before the app can take it for keys.
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)


def _read_until_last(fd: int, started: float, timeout_s: float) -> tuple[bytes, float | None]:
    """Read up to the answer to the last question; also the time at which the first answer came."""
    answer = b""
    first: float | None = None
    while (left := started + timeout_s - time.monotonic()) > 0:
        if not select.select([fd], [], [], left)[0]:
            break
        fresh = os.read(fd, 4096)
        if not fresh:
            break
        answer += fresh
        if first is None and b"\x1b" in answer:
            first = time.monotonic()
        if DEVICE_ATTRIBUTES.search(answer):
            break
    while select.select([fd], [], [], SETTLE_S)[0]:
        fresh = os.read(fd, 4096)
        if not fresh:
            break
        answer += fresh
    return answer, first


def _numbers(text: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(b";") if part)


def _mode(answer: bytes, mode: int) -> int | None:
    found = re.search(rb"\x1b\[\?%d;(\d)\$y" % mode, answer)
    return None if found is None else int(found.group(1))


def window_of(fd: int) -> Window:
    """What the terminal's size is for the system; ssh hands the pixels on, where the terminal sets them."""
    import fcntl
    import termios

    try:
        answer = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return UNKNOWN_WINDOW
    rows, columns, width, height = struct.unpack("HHHH", answer)
    return Window(columns, rows, width, height)


def cell_size(cell: re.Match[bytes] | None, window: Window) -> tuple[int, int] | None:
    """Width and height of a cell in pixels, as told, or from the window's size."""
    if cell is not None and int(cell.group(1)) and int(cell.group(2)):
        return int(cell.group(2)), int(cell.group(1))
    width, height = window.width_px // max(window.columns, 1), window.height_px // max(window.rows, 1)
    return (width, height) if width and height else None


def _rgb(text: str) -> Rgb | None:
    parts = text.split("/")
    if len(parts) != 3 or not all(parts):
        return None
    red, green, blue = (round(int(part, 16) * 255 / (16 ** len(part) - 1)) for part in parts)
    return red, green, blue


def _truecolour(answer: bytes) -> bool:
    """Whether the terminal knows the RGB capability, or gave back the 24-bit colour it was told."""
    return (
        re.search(rb"\x1bP1\+r524742", answer) is not None
        or re.search(rb"\x1bP1\$r[^\x1b]*48[:;]2[:;](?:\d*[:;])?1[:;]2[:;]3", answer) is not None
    )
