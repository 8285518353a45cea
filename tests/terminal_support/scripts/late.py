"""Asks its terminal with as much patience as it is given, starts an app, and writes down every key that comes."""

import json
import sys
from pathlib import Path

from retouch_tui.terminal.capabilities import Overrides
from retouch_tui.terminal.cleanup import ShellGuard
from retouch_tui.terminal.detect import detect
from retouch_tui.terminal.probe import settle

guard = ShellGuard()
found = detect(Overrides())

from textual import events  # noqa: E402 - the environment comes first

from retouch_tui.terminal.answers import install  # noqa: E402
from terminal_support.canvas_app import CanvasApp, empty_scene  # noqa: E402

install()


class Listening(CanvasApp):
    """Ends at a full stop."""

    keys: list[str] = []  # noqa: RUF012 - one app

    def on_ready(self) -> None:
        """Tell the terminal that the app is there."""
        self.set_timer(0.2, lambda: self.write_to_terminal("\x1b]0;READY\x07"))

    def on_event(self, event: events.Event) -> object:
        """Keep keys; one that a widget was handed may bubble back to the app, and was pressed once."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            self.keys.append(event.character or event.key)
            if event.key == "full_stop":
                self.exit()
        return super().on_event(event)


app = Listening(empty_scene(32, 32), found)
guard.install()
app.run()
settle(0, 2, 5.0)
guard.left()
Path(sys.argv[1]).write_text(json.dumps({"keys": app.keys, "name": found.name, "acknowledges": found.acknowledges}))
