"""What all dialogs share: a framed column in the middle, closed by Escape."""

from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from retouch_tui.terminal.link import PacedModal

Answer = TypeVar("Answer")


class Dialog(PacedModal[Answer], Generic[Answer]):
    """A dialog; the answer of Escape is None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1", "dismiss", "Close", key_display="Esc")]

    async def action_dismiss(self, result: Answer | None = None) -> None:
        """Close without an answer."""
        self.dismiss(result)


class Sheet(VerticalScroll):
    """The framed column of a dialog."""

    def __init__(self, title: str, *, id: str | None = None) -> None:
        """Frame a column under a title."""
        super().__init__(id=id, classes="sheet")
        self.border_title = title
        self.border_subtitle = "Esc closes"


class Confirm(Dialog[bool | None]):
    """A question with two answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n", "answer(False)", "No"),
    ]

    def __init__(self, question: str, yes: str = "Yes", no: str = "No") -> None:
        """Ask; the words are those of the buttons."""
        super().__init__()
        self._question, self._yes, self._no = question, yes, no

    def compose(self) -> ComposeResult:
        """Make the question and its answers."""
        with Sheet("Please confirm", id="confirm"):
            yield Static(self._question, markup=False)
            yield Button(f"{self._yes} (y)", id="yes", variant="primary", compact=True)
            yield Button(f"{self._no} (n)", id="no", compact=True)

    def action_answer(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        event.stop()
        self.dismiss(event.button.id == "yes")
