"""A Textual driver that keeps what the app writes, and answers like a terminal."""

import asyncio
from collections import deque

from textual import events
from textual.drivers.headless_driver import HeadlessDriver

from retouch_tui.terminal.pacer import QUERY


class RecordingDriver(HeadlessDriver):
    """A terminal in memory: not headless for the app, so that every byte is rendered and kept."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Start with nothing written; `answering` False keeps acknowledgements back until `answer`."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.written: list[str] = []
        self.answering = True
        self.owed = 0

    @property
    def is_headless(self) -> bool:
        """Whether rendering may be skipped: no."""
        return False

    def write(self, data: str) -> None:
        """Keep it."""
        self.written.append(data)
        self.owed += data.count(QUERY)
        if self.answering:
            self.answer()

    def answer(self) -> None:
        """Acknowledge all frames so far."""
        while self.owed:
            self.owed -= 1
            self.process_message(events.CursorPosition(0, 0))

    def taken(self) -> str:
        """Everything written since the last call."""
        text = "".join(self.written)
        self.written.clear()
        return text


async def settle(rounds: int = 12) -> None:
    """Let messages, idle callbacks and the update timer of Textual run (its period is a sixtieth of a second)."""
    done: deque[None] = deque(maxlen=rounds)
    while len(done) < rounds:
        await asyncio.sleep(1 / 120)
        done.append(None)
