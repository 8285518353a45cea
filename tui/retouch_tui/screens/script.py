"""The mask as text: read it, edit it, apply it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static, TextArea

from retouch.errors import RetouchError
from retouch_tui.layers import Mask8
from retouch_tui.screens.dialog import Dialog

HINT = (
    "Each stroke is a line: + adds, - takes away, | changes all before it. "
    "For example: + brush 24 10,10 60,40 · + rect 10,10 80x40 · - ellipse 40,40 9,9 · | expand 4"
)


@dataclass(frozen=True, eq=False)
class Script:
    """Lines and the mask that they draw."""

    lines: tuple[str, ...]
    mask: Mask8


class ScriptScreen(Dialog[Script | None]):
    """Returns the lines and their mask."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5,ctrl+g", "apply", "Apply", priority=True)]

    def __init__(self, lines: tuple[str, ...], draw: Callable[[tuple[str, ...]], Mask8]) -> None:
        """`draw` raises RetouchError for lines that cannot be drawn."""
        super().__init__()
        self._lines = lines
        self._draw = draw

    def compose(self) -> ComposeResult:
        """Make the text and its buttons."""
        with Vertical(classes="sheet", id="script") as sheet:
            sheet.border_title = "The mask in lines"
            yield Static(HINT, markup=False, classes="lead")
            yield TextArea("\n".join(self._lines), id="lines", compact=True, tab_behavior="focus")
            yield Static("", id="problem", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Apply (F5)", id="apply", variant="primary", compact=True)
                yield Button("Close (Esc)", id="close", compact=True)

    def on_mount(self) -> None:
        """Begin in the text."""
        self.query_one(TextArea).focus()

    @work(exclusive=True)
    async def action_apply(self) -> None:
        """Return the lines if they can be drawn; a large mask takes a moment."""
        lines = tuple(line for line in self.query_one(TextArea).text.splitlines() if line.strip())
        try:
            mask = await asyncio.to_thread(self._draw, lines)
        except RetouchError as error:
            pointer = getattr(error, "pointer", "")
            self.query_one("#problem", Static).update(f"▲ {error}\n{pointer}")
        else:
            self.dismiss(Script(lines, mask))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Apply or close."""
        event.stop()
        if event.button.id == "apply":
            self.action_apply()
        else:
            self.dismiss(None)
