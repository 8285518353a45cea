"""What is wrong in a prompt, and where."""

import unicodedata

from retouch.errors import UsageError

_SHOWN = 60
"""Characters of the prompt that are shown around the place."""


class PromptError(UsageError):
    """A prompt that cannot be read; `position` is the index of the character that is wrong.

    The message is one line. `marked` adds the prompt with a caret under the place, for output in fixed width.
    """

    def __init__(self, problem: str, text: str, position: int, what: str = "prompt") -> None:
        """Take the problem with its cure, the whole text, the index in it (0..len) and what the text is called."""
        super().__init__(f"{what}, character {position + 1}: {problem}")
        self.problem = problem
        self.text = text
        self.position = position
        self.what = what

    @property
    def marked(self) -> str:
        """The part of the prompt around the place, and below it a caret; two lines."""
        start = max(0, min(self.position - _SHOWN // 2, len(self.text) - _SHOWN))
        end = start + _SHOWN
        before = ("…" if start else "") + _printable(self.text[start : self.position])
        after = _printable(self.text[self.position : end]) + ("…" if end < len(self.text) else "")
        return f"{before}{after}\n{' ' * _columns(before)}^"


def _printable(text: str) -> str:
    """One line without control characters, so that the caret stands where it should."""
    return "".join(character if character.isprintable() else " " for character in text)


def _columns(text: str) -> int:
    """Terminal columns: ideographs and emoji take two, combining marks none."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
