"""Pans over a picture as fast as it may, in a real terminal, and writes down what queued up."""

import json
import sys
from pathlib import Path

from retouch_tui.terminal.pacer import Pacer
from terminal_support.canvas_app import CanvasApp, empty_scene

LARGE = 10_000
WANTED = 25


class Always(Pacer):
    """Never waits."""

    def ready(self) -> bool:
        """Whether another frame may be written: yes."""
        return True


class Painter(CanvasApp):
    """Counts frames, what waits in Textual's writer, and the beats of its own loop."""

    def __init__(self, paced: bool) -> None:
        """Pace frames, or not."""
        super().__init__(empty_scene())
        self.pacer = self.pacer if paced else Always()
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
        else:
            self.changes += 1
            self.canvas.set_view(1.0, (200.0 + self.changes % 50, 256.0))

    def _sent(self, size: int) -> None:
        if size > LARGE:
            self.frames += 1
            self.unanswered = max(self.unanswered, self.pacer.unanswered)
            self.restless += self.beats > self.last_beat
            self.last_beat = self.beats
        super()._sent(size)


app = Painter(sys.argv[1] == "paced")
app.run()
names = ("frames", "changes", "beats", "queued", "unanswered", "restless")
report = {name: getattr(app, name) for name in names}
Path(sys.argv[2]).write_text(json.dumps(report | {"window": app.pacer.window, "rate": app.pacer.rate}))
