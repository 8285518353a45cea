"""What widgets tell the screen they are on."""

from pathlib import Path

from textual.message import Message

from retouch_tui.engine import Draft


class ToolChosen(Message):
    """A tool was clicked."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class ActionAsked(Message):
    """Something clickable stands for an action."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action = action


class PromptEdited(Message):
    """The prompt was typed in one of its places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class DraftEdited(Message):
    """An option was changed to something that can be meant."""

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self.draft = draft


class ModelChosen(Message):
    """Another model was chosen."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class ResultChosen(Message):
    """A picture of the history is to be looked at, and taken if it was chosen for good."""

    def __init__(self, key: str, *, take: bool = False) -> None:
        super().__init__()
        self.key = key
        self.take = take


class PathDropped(Message):
    """The path of an existing file was pasted or dropped into the terminal."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
