"""Jump: a letter above each panel; pressing it moves the focus there."""

from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.widgets import Static

from retouch_tui.terminal.link import PacedModal


class JumpScreen(PacedModal[str | None]):
    """Returns the letter that was pressed, None for any other key."""

    AUTO_FOCUS: ClassVar[str | None] = None

    def __init__(self, places: Mapping[str, tuple[str, Offset]]) -> None:
        """`places` gives for each letter the name of a panel and where it stands."""
        super().__init__()
        self._places = places

    def compose(self) -> ComposeResult:
        """Make the letters."""
        for letter, (name, at) in self._places.items():
            label = Static(f" {letter} [not bold]{name}[/] ", classes="jump")
            label.styles.offset = (at.x, at.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """Return the letter."""
        event.stop()
        self.dismiss(event.key if event.key in self._places else None)

    def on_click(self) -> None:
        """Give up."""
        self.dismiss(None)
