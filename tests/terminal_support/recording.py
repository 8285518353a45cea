"""A Textual driver that keeps what the app writes, and answers like a terminal."""

import asyncio

from textual import events
from textual.drivers.headless_driver import HeadlessDriver

from retouch_tui.terminal.link import LinkedApp, Paced
from retouch_tui.terminal.pacer import QUERY


class RecordingDriver(HeadlessDriver):
    """A terminal in memory: not headless for the app, so that every byte is rendered and kept."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Start with nothing written; `answering` False keeps acknowledgements back until `answer`."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.written: list[str] = []
        self.arrived = asyncio.Event()
        self.answering = True
        self.owed = 0

    @property
    def is_headless(self) -> bool:
        """Whether rendering may be skipped: no."""
        return False

    def write(self, data: str) -> None:
        """Keep it."""
        self.written.append(data)
        self.arrived.set()
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
        self.arrived.clear()
        return text


QUIET = 3
LONGEST = 600


async def settle(app: LinkedApp[None]) -> None:
    """Let Textual write what it has to: until nothing is dirty, or a frame is held back for the terminal."""
    quiet = 0
    for _ in range(LONGEST):
        quiet = 0 if _busy(app) else quiet + 1
        if quiet == QUIET:
            return
        await asyncio.sleep(1 / 120)
    raise AssertionError("the screen did not come to rest")


def _busy(app: LinkedApp[None]) -> bool:
    screen = app.screen
    if not app._dom_ready or not isinstance(screen, Paced):
        return True
    if any(worker.group == "scene" and not worker.is_finished for worker in app.workers):  # rendered in a thread
        return True
    nodes = [app, screen, *screen.query("*")]
    if any(not node._message_queue.empty() or node._repaint_required for node in nodes[1:]):
        return True
    if screen._layout_required or screen._repaint_required or screen._dirty_widgets:
        return True
    return bool(screen._compositor._dirty_regions) and screen._held is None
