"""The prompt: a box beside the canvas, or a line below it on small screens."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input, TextArea

from retouch_tui.messages import ActionAsked, PromptEdited

HINT = "what should be there? empty removes the thing"


class PromptBox(TextArea):
    """Several lines; Enter generates."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.to_canvas", "Canvas", id="prompt-leave"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        """Make an empty box."""
        super().__init__(id=id, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", placeholder=HINT)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(ActionAsked("generate"))
        else:
            await super()._on_key(event)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell what was typed."""
        event.stop()
        self.post_message(PromptEdited(self.text))

    def show(self, text: str) -> None:
        """Put a text in, without telling of it."""
        if self.text != text:
            with self.prevent(TextArea.Changed):
                self.text = text


class PromptLine(Input):
    """One line; Enter generates."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.to_canvas", "Canvas", id="prompt-line-leave"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        """Make an empty line."""
        super().__init__(id=id, placeholder=f"Prompt: {HINT}", compact=True, select_on_focus=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what was typed."""
        event.stop()
        self.post_message(PromptEdited(self.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Generate."""
        event.stop()
        self.post_message(ActionAsked("generate"))

    def show(self, text: str) -> None:
        """Put a text in, without telling of it."""
        if self.value != text:
            with self.prevent(Input.Changed):
                self.value = text
