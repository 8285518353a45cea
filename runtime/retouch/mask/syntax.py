"""The words of the mask language: cut a text into tokens, each with its place, and point at mistakes."""

import re
from dataclasses import dataclass
from typing import Literal, cast

from retouch.errors import UsageError

LONGEST_TEXT = 4_000_000
"""Characters; a text of that many describes some hundred thousand points."""

Kind = Literal["number", "word", "string", "colour", "mark", "wrong", "end"]

_TOKEN = re.compile(
    r"""
    (?P<blank>[^\S\n]+|\n(?:[^\S\n]*\#[^\n]*)?)         # a line that starts with # is a comment
  | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:%|px\b)?)
  | (?P<colour>\#[0-9A-Fa-f]{6}\b)
  | (?P<string>"(?:[^"\\\n]|\\["\\])*")
  | (?P<word>[A-Za-z]+(?:-[A-Za-z]+)*)
  | (?P<mark>[-+&|;(),×])
  | (?P<wrong>.)
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
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


def tokens(text: str) -> list[Token]:
    """All tokens of a text, an `end` token last; a character that starts none is a `wrong` token of its own."""
    if len(text) > LONGEST_TEXT:
        raise MaskError(f"the text is longer than {LONGEST_TEXT} characters; use a mask file", text[:80], 0)
    place = (text + "\n").index("\n") if text.lstrip(" \t").startswith("#") else 0
    matches = (match for match in _TOKEN.finditer(text, place) if match.lastgroup != "blank")
    found = [Token(cast("Kind", match.lastgroup), match.group(), match.start()) for match in matches]
    return [*found, Token("end", "", len(text))]


def quoted(text: str) -> str:
    """A string as written in the language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(token: Token) -> str:
    """The text of a string token."""
    return re.sub(r"\\(.)", r"\1", token.text[1:-1])


def found_instead(token: Token) -> str:
    """A token for a message that expected another one."""
    if token.kind == "end":
        return "found the end"
    if token.text == '"':
        return "and this quote is not closed"
    return f"found {token.text[:20]!r}"


def _excerpt(line: str, column: int) -> str:
    """The line around a column, and a caret under it."""
    left = max(0, column - 60)
    shown = line[left : column + 40].replace("\t", " ")
    return f"{shown}\n{' ' * (column - 1 - left)}^"
