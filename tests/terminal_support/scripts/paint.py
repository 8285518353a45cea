"""Pans over a picture as fast as it may, in a real terminal, and writes down what queued up."""

import json
import sys
from pathlib import Path

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget

from retouch_tui.terminal.pacer import Pacer
from terminal_support.canvas_app import CanvasApp, empty_scene

LARGE = 10_000
WANTED = 25


class Always(Pacer):
    """Never waits."""

    def ready(self) -> bool:
        """Whether another frame may be written: yes."""
        return True


class Colours(Widget):
    """Every cell in a colour of its own, another one at each turn."""

    turn = reactive(0)

    def __init__(self) -> None:
        """Make the rows of three turns beforehand: the link is to be slow, not this."""
        super().__init__()
        self.rows = [
            [
                Strip(
                    [
                        Segment("x", Style(color=Color.from_rgb((x * 7 + turn * 80) % 256, y * 5, x * 2)))
                        for x in range(120)
                    ]
                )
                for y in range(36)
            ]
            for turn in range(3)
        ]

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        return self.rows[self.turn % 3][y % 36]


class Flicker(ModalScreen[None]):
    """A screen that knows nothing of pacing, full of colours that change."""

    CSS = "Flicker Colours { width: 100%; height: 100%; }"

    def compose(self) -> ComposeResult:
        """Fill it."""
        yield Colours()

    def change(self, turn: int) -> None:
        """Paint every cell in another colour."""
        for colours in self.query(Colours):
            colours.turn = turn


class Painter(CanvasApp):
    """Counts frames, what waits in Textual's writer, and the beats of its own loop."""

    def __init__(self, paced: bool) -> None:
        """Pace frames, or not."""
        super().__init__(empty_scene())
        self.pacer = self.pacer if paced else Always()
        self.stock: Flicker | None = None
        self.frames = self.changes = self.beats = self.queued = self.unanswered = self.restless = 0
        self.last_beat = 0

    def on_ready(self) -> None:
        """Begin: change the view at each beat."""
        self.set_interval(0.01, self.beat)

    def beat(self) -> None:
        """Change the view, and look at the writer's queue."""
        self.beats += 1
        writer = self._driver._writer_thread
        waiting = sum(1 for text in list(writer._queue.queue) if text is not None and len(text) > LARGE)
        self.queued = max(self.queued, waiting)
        if self.frames >= WANTED:
            self.exit()
        elif self.stock is not None:
            self.changes += 1
            self.stock.change(self.changes)
        else:
            self.changes += 1
            self.canvas.set_view(1.0, (200.0 + self.changes % 50, 256.0))

    def open(self, screen: "Flicker") -> None:
        """Change a screen above the canvas from now on."""
        self.push_screen(screen)
        self.stock = screen

    def _sent(self, size: int) -> None:
        if size > LARGE:
            self.frames += 1
            self.unanswered = max(self.unanswered, self.pacer.unanswered)
            self.restless += self.beats > self.last_beat
            self.last_beat = self.beats
        super()._sent(size)


app = Painter(sys.argv[1] != "unpaced")
if sys.argv[1] == "stock":
    app.call_later(app.open, Flicker())
app.run()
names = ("frames", "changes", "beats", "queued", "unanswered", "restless")
report = {name: getattr(app, name) for name in names}
Path(sys.argv[2]).write_text(json.dumps(report | {"window": app.pacer.window, "rate": app.pacer.rate}))
