"""A terminal on a pty: it answers questions after a while, or never, and reads as fast as it is told."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parent.parent

KITTY: Mapping[str, bytes] = {
    r"\x1b\[>0?q": b"\x1bP>|kitty(0.40.1)\x1b\\",
    r"\x1b_Gi=31[^\x1b]*\x1b\\": b"\x1b_Gi=31;OK\x1b\\",
    r"\x1b\[16t": b"\x1b[6;20;9t",
    r"\x1b\[14t": b"\x1b[4;1200;1800t",
    r"\x1b\[\?2026\$p": b"\x1b[?2026;2$y",
    r"\x1b\[\?2048\$p": b"\x1b[?2048;2$y",
    r"\x1b\[\?1016\$p": b"\x1b[?1016;2$y",
    r"\x1b\[\?u": b"\x1b[?0u",
    r"\x1b\]11;\?\x1b\\": b"\x1b]11;rgb:1e1e/2020/2828\x1b\\",
    r"\x1bP\+q524742\x1b\\": b"\x1bP1+r524742=38\x1b\\",
    r"\x1bP\$qm\x1b\\": b"\x1bP1$r0;48:2:1:2:3m\x1b\\",
    r"\x1b\[6n": b"\x1b[1;1R",
    r"\x1b\[c": b"\x1b[?62;c",
}
"""Question (a regular expression) and answer."""

TMUX: Mapping[str, bytes] = {
    r"\x1b\[>0?q": b"\x1bP>|tmux 3.3a\x1b\\",
    r"\x1b\[6n": b"\x1b[1;1R",
    r"\x1b\[c": b"\x1b[?1;2;4c",
}
XTERM_SIXEL: Mapping[str, bytes] = {
    r"\x1b\[>0?q": b"\x1bP>|XTerm(390)\x1b\\",
    r"\x1b\[14t": b"\x1b[4;960;1600t",
    r"\x1bP\$qm\x1b\\": b"\x1bP1$r0m\x1b\\",
    r"\x1b\[6n": b"\x1b[1;1R",
    r"\x1b\[c": b"\x1b[?64;1;2;4;6;9;15;22c",
}
VT100: Mapping[str, bytes] = {r"\x1b\[c": b"\x1b[?1;2c"}
SILENT: Mapping[str, bytes] = {}
ACKNOWLEDGING: Mapping[str, bytes] = {r"\x1b\[6n": b"\x1b[1;1R"}


class FakeTerminal:
    """Runs a Python script with a terminal of its own, whose other side is this object."""

    def __init__(
        self,
        script: Path,
        arguments: Sequence[str] = (),
        *,
        answers: Mapping[str, bytes] = ACKNOWLEDGING,
        delay_s: float = 0.0,
        environment: Mapping[str, str] | None = None,
        size: tuple[int, int] = (80, 24),
        rate: float = float("inf"),
    ) -> None:
        """Start the script; delay_s is the round trip, rate the bytes per second that are read."""
        self._answers = [(re.compile(question.encode()), answer) for question, answer in answers.items()]
        self._delay_s = delay_s
        self._due: deque[tuple[float, bytes]] = deque()
        self._scanned = 0
        self._rate = rate
        self._reads_at = 0.0
        self.output = b""
        self.closed = False
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], size[0] * 9, size[1] * 20))
        self.slave = slave
        self.process = subprocess.Popen(
            [sys.executable, str(script), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_own_terminal,
            env=_environment(environment or {}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()
        os.close(self.slave)

    def hang_up(self) -> None:
        """Pull the plug: the session's leader gets SIGHUP."""
        if not self.closed:
            self.closed = True
            os.close(self.master)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def attributes(self) -> list[object]:
        """How the terminal treats input now."""
        return list(termios.tcgetattr(self.slave))

    def run_until(self, done: Callable[[bytes], bool], *, limit_s: float = 20.0, at_most: int = 65536) -> bytes:
        """Read, and answer what is due, until the output satisfies `done`; fails after limit_s."""
        deadline = time.monotonic() + limit_s
        while not done(self.output):
            if time.monotonic() > deadline:
                raise AssertionError(f"the terminal waited in vain; its last bytes: {self.output[-300:]!r}")
            if not self.turn(at_most):
                break
        return self.output

    def idle(self, seconds: float) -> None:
        """Only read, and answer what is due, for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.turn():
            pass

    def until_exit(self, *, limit_s: float = 20.0) -> int:
        """Read until the script has ended, and return its status."""
        deadline = time.monotonic() + limit_s
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "the script does not end"
            self.turn()
        while select.select([self.master], [], [], 0.05)[0] and self.turn():
            pass
        return int(self.process.returncode)

    def turn(self, at_most: int = 65536) -> bool:
        """Wait shortly, read once, answer what is due; False when the other side is closed."""
        now = time.monotonic()
        wait = 0.02 if not self._due else min(max(self._due[0][0] - now, 0.0), 0.02)
        if now < self._reads_at:
            select.select([], [], [], min(self._reads_at - now, 0.02))
        elif select.select([self.master], [], [], wait)[0]:
            try:
                fresh = os.read(self.master, at_most)
            except OSError:
                return False
            self.output += fresh
            self._reads_at = max(self._reads_at, now) + len(fresh) / self._rate
            self._listen()
        while self._due and self._due[0][0] <= time.monotonic():
            os.write(self.master, self._due.popleft()[1])
        return True

    def _listen(self) -> None:
        """Find new questions, also those that were cut by a read."""
        found = []
        for question, answer in self._answers:
            found += [(match.end(), answer) for match in question.finditer(self.output, self._scanned)]
        for end, answer in sorted(found):
            self._due.append((time.monotonic() + self._delay_s, answer))
            self._scanned = end


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTUAL", "RETOUCH"))}
    for name in ("COLORTERM", "TERM_PROGRAM", "TMUX", "STY", "NO_COLOR", "WT_SESSION", "VTE_VERSION", "ZELLIJ"):
        kept.pop(name, None)
    path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    return {**kept, "TERM": "xterm-256color", "PYTHONPATH": path, **changes}
