"""Leaves the shell as it was found, whichever way the app ends.

Textual resets most modes when it stops in an orderly way, but never the pixel mouse, and nothing at all
when a signal ends the process. A shell that is left in those modes prints garbage at every move of the mouse.
For the end that no process can see coming (SIGKILL, a machine out of memory) another one watches.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeAlias

MOUSE_OFF = "".join(f"\x1b[?{mode}l" for mode in (1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016))
MODES_OFF = "\x1b[?2004l\x1b[?2026l\x1b[?2048l"
"""Bracketed paste, synchronised output, size reports."""

TEXT_AS_BEFORE = "\x1b[0m\x1b[?7h\x1b[?25h"
"""No colours, lines wrap, the cursor is seen."""

CANCEL = "\x18\x1b\\"
"""Ends a sequence or a picture that was cut off in the middle (CAN, then ST)."""

KEYBOARD_OFF = "\x1b[<u"
MAIN_SCREEN = "\x1b[?1049l"

AFTER_ORDER = MOUSE_OFF + MODES_OFF + TEXT_AS_BEFORE
"""What to send after Textual has stopped: each is harmless when it was off already.

Not among them: KEYBOARD_OFF would take the shell's own setting, MAIN_SCREEN would move its cursor.
"""

AFTER_CRASH = CANCEL + MOUSE_OFF + MODES_OFF + KEYBOARD_OFF + MAIN_SCREEN + TEXT_AS_BEFORE
"""What to send when the app had no chance to leave the alternate screen."""

LAST_WORDS_S = 2
"""A terminal that takes nothing any more must not keep a process from ending."""

WATCHER = "import os, sys; os.read(0, 1) or os.write(1, os.fsencode(sys.argv[1]))"
"""Waits for a word of the app; if its pipe closes without one, the app is gone and this speaks for it."""

ENDING = ("SIGHUP", "SIGTERM", "SIGQUIT")

Save: TypeAlias = Callable[[], None]


class ShellGuard:
    """Restores the terminal on SIGHUP, SIGTERM, SIGQUIT, on an exception and at exit.

    guard = ShellGuard()                 # before anything touches the terminal
    guard.install(save=app.autosave)     # before App.run()
    app.run()
    guard.left()                         # Textual has stopped in an orderly way
    """

    def __init__(self, fd: int | None = None) -> None:
        """Guard the terminal behind a file descriptor as it is now; None is standard error, where Textual writes."""
        self._fd = fd if fd is not None else (2 if sys.__stderr__ is None else sys.__stderr__.fileno())
        self._owner = os.getpid()
        self._save: Save | None = None
        self._armed = False
        self._watcher: subprocess.Popen[bytes] | None = None
        self._attributes = _attributes(self._fd)

    def install(self, save: Save | None = None) -> None:
        """Be called at every end; save is run first when a signal comes."""
        self._save = save
        self._armed = True
        self._watch()
        atexit.register(self.restore)
        for name in ENDING:
            number = getattr(signal, name, None)
            if number is not None:
                signal.signal(number, self._on_signal)

    def left(self) -> None:
        """The app has left the alternate screen itself; only what it forgets is still to be reset."""
        if self._armed:
            self._armed = False
            self._dismiss()
            self._write(AFTER_ORDER)
            _set_attributes(self._fd, self._attributes)

    def not_begun(self) -> None:
        """The app has not taken the screen; only the terminal's attributes may have changed."""
        _set_attributes(self._fd, self._attributes)

    def restore(self) -> None:
        """Reset everything, unless that has happened."""
        if self._armed and os.getpid() == self._owner:
            self._armed = False
            self._dismiss()
            self._write(AFTER_CRASH)
            _set_attributes(self._fd, self._attributes)

    def _watch(self) -> None:
        """Start the watcher, in a session of its own so that nothing that ends us ends it."""
        if os.name != "posix" or not _is_terminal(self._fd):
            return
        command = [sys.executable, "-I", "-S", "-c", WATCHER, AFTER_CRASH]
        with contextlib.suppress(OSError):  # no memory for it: go without
            self._watcher = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=self._fd, stderr=subprocess.DEVNULL, start_new_session=True
            )

    def _dismiss(self) -> None:
        """Tell the watcher that all is well."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher.stdin is not None:
            with contextlib.suppress(OSError):
                os.write(watcher.stdin.fileno(), b".")
            watcher.returncode = 0  # it ends by itself; nobody has to wait for it

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's form
        """Save, restore, and end by the same signal, so that whoever waits sees what ended the process."""
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() == self._owner:
            with contextlib.suppress(Exception):
                if self._save is not None:
                    self._save()
            if hasattr(signal, "alarm"):
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(LAST_WORDS_S)
            self.restore()
        os.kill(os.getpid(), number)

    def _write(self, text: str) -> None:
        """Write past every buffer: other threads may hold their locks for good."""
        if not _is_terminal(self._fd):
            return
        left = text.encode()
        with contextlib.suppress(OSError):
            while left:
                left = left[os.write(self._fd, left) :]


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def _attributes(fd: int) -> list[int | list[bytes | int]] | None:
    """How the terminal treats input: echo, lines, signals."""
    if os.name != "posix" or not _is_terminal(fd):
        return None
    import termios

    return termios.tcgetattr(fd)


def _set_attributes(fd: int, attributes: list[int | list[bytes | int]] | None) -> None:
    if attributes is None:
        return
    import termios

    with contextlib.suppress(termios.error, OSError):
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
