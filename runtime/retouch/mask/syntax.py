"""The words of the mask language: cut a text into tokens, each with its place, and point at mistakes."""

import re
from dataclasses import dataclass
from typing import Literal, cast

from retouch.errors import UsageError

LONGEST_TEXT = 4_000_000
"""Characters; a text of that many describes some hundred thousand points."""

Kind = Literal["number", "word", "string", "colour", "mark", "end"]

_TOKEN = re.compile(
    r"""
    (?P<blank>[^\S\n]+|\n(?:[^\S\n]*\#[^\n]*)?)         # a line that starts with # is a comment
  | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:%|px\b)?)
  | (?P<colour>\#[0-9A-Fa-f]{6}\b)
  | (?P<string>"(?:[^"\\\n]|\\["\\])*")
  | (?P<word>[A-Za-z]+(?:-[A-Za-z]+)*)
  | (?P<mark>[-+&|;(),×])
    """,
    re.VERBOSE | re.ASCII,
)


class MaskError(UsageError):
    """A mistake in a mask expression; `pointer` shows the line with a caret under the place."""

    def __init__(self, problem: str, text: str, place: int) -> None:
        """Name the problem, and the line and column (from 1) of the character at `place`."""
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        self.line = text.count("\n", 0, start) + 1
        self.column = place - start + 1
        where = f"column {self.column}" if "\n" not in text else f"line {self.line}, column {self.column}"
        self.pointer = _excerpt(text[start : len(text) if end < 0 else end], self.column)
        super().__init__(f"mask, {where}: {problem}")


@dataclass(frozen=True)
class Token:
    """One word, number or mark, and where it starts in the text."""

    kind: Kind
    text: str
    place: int

    def __str__(self) -> str:
        """As shown in messages."""
        return "the end" if self.kind == "end" else repr(self.text)


def tokens(text: str) -> list[Token]:
    """All tokens of a text, an `end` token last; MaskError at a character that starts none."""
    if len(text) > LONGEST_TEXT:
        raise MaskError(f"the text is longer than {LONGEST_TEXT} characters; use a mask file", text[:80], 0)
    found: list[Token] = []
    place = 0
    if text.lstrip(" \t").startswith("#"):
        place = (text + "\n").index("\n")
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise MaskError(_unreadable(text, place), text, place)
        kind = match.lastgroup
        if kind != "blank":
            found.append(Token(cast("Kind", kind), match.group(), place))
        place = match.end()
    found.append(Token("end", "", len(text)))
    return found


def quoted(text: str) -> str:
    """A string as written in the language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(token: Token) -> str:
    """The text of a string token."""
    return re.sub(r"\\(.)", r"\1", token.text[1:-1])


def _unreadable(text: str, place: int) -> str:
    """Why no token starts here."""
    character = text[place]
    if character == '"':
        return "the file name has no closing quote"
    if character == "#":
        return "a colour is # and six hexadecimal digits, such as #ff8000"
    return f"unexpected {character!r}"


def _excerpt(line: str, column: int) -> str:
    """The line around a column, and a caret under it."""
    left = max(0, column - 60)
    shown = line[left : column + 40].replace("\t", " ")
    return f"{shown}\n{' ' * (column - 1 - left)}^"
