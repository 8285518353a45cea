"""The first start: four lines, and one key to begin."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.widgets import Static

from retouch_tui.keymap import Keymap, shown
from retouch_tui.screens.dialog import Dialog, Sheet

TOUR = """\
[b $accent]1[/]  Drag over what should change; it turns blue. The right button takes blue away.
[b $accent]2[/]  Click the prompt, or press {jump} and p: say what should be there. Empty removes.
[b $accent]3[/]  Press {generate} and watch. Only the blue part changes, all else stays as it is.
[b $accent]4[/]  {take} takes the result, {save} saves it, {open} opens your picture, {help} helps.
"""
"""With the names of actions where their keys stand."""


class WelcomeScreen(Dialog[None]):
    """Closed by any key or click."""

    AUTO_FOCUS: ClassVar[str | None] = None

    def __init__(self, keymap: Keymap) -> None:
        """Name the keys as they are."""
        super().__init__()
        self._keymap = keymap

    def _tour(self) -> str:
        keys = {name: shown(own[0]) if own else "—" for name, own in self._keymap.keys.items()}
        named = {name: f"[b $accent]{key}[/]" for name, key in keys.items()}
        return TOUR.format(**{n: named[n] for n in ("jump", "generate", "take", "save", "open", "help")})

    def compose(self) -> ComposeResult:
        """Make the four lines."""
        with Sheet("Welcome to retouch", id="welcome") as sheet:
            sheet.border_subtitle = "any key begins"
            yield Static(self._tour())
            yield Static(
                "This is a sample picture. Without a mouse: arrows move, Space paints, g hops.", classes="lead"
            )

    def on_key(self, event: events.Key) -> None:
        """Begin."""
        event.stop()
        self.dismiss(None)

    def on_click(self) -> None:
        """Begin."""
        self.dismiss(None)
