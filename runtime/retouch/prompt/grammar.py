r"""The grammar of prompts: text with weights.

    {text}          a little more: weight x 1.05, once per pair          (NovelAI)
    [text]          a little less: weight / 1.05, once per pair          (NovelAI)
    1.2::text::     this weight until the next ::, the next 0.8:: or the end   (NovelAI)
    (text)          more: weight x 1.1, once per pair                    (AUTOMATIC1111)
    (text:1.2)      this weight                                          (AUTOMATIC1111)
    BREAK           what follows is encoded as a chunk of its own        (AUTOMATIC1111)
    \( \) \[ \] \{ \} \\ \: \BREAK    the characters themselves

Nested weights multiply. `[text]` means what NovelAI means by it, since it pairs with `{text}`; `importers` rewrites
prompts of tools that mean something else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from retouch.prompt.error import PromptError
from retouch.prompt.pieces import Piece, Prompt

Syntax = Literal["weighted", "literal"]

LARGEST_WEIGHT = 10.0
"""Weights lie within -10..10, nested ones together too; beyond that no model gives a picture."""

DEEPEST = 100
"""Brackets may stand in as many others."""

_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_NUMBER_LIKE = r"[+-]?(?:[.,]*+[0-9][0-9.,]*+(?:[eE][+-]?[0-9]++)?|(?i:nan|inf|infinity))"

# Possessive repeats (*+, ++) keep the search linear on any text.
_MARK = re.compile(
    rf"""
      (?P<escape> \\ (?: BREAK\b | [()\[\]{{}}\\:] ) )
    | (?P<weight> : \s*+ (?P<factor> {_NUMBER_LIKE} ) \s*+ \) )
    | (?P<start>  (?<![\w.+-]) (?<![0-9],) {_NUMBER} :: )
    | (?P<stop>   :: )
    | (?P<open>   [(\[{{] )
    | (?P<close>  [)\]}}] )
    | (?P<chunk>  \bBREAK\b )
    """,
    re.VERBOSE,
)

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_FACTORS = {"(": 1.1, "[": 1 / 1.05, "{": 1.05}


@dataclass(frozen=True)
class _Mark:
    """One piece of syntax: what it is, where it stands and the number in it."""

    kind: str
    text: str
    start: int
    end: int
    factor: str = ""
    factor_at: int = 0


def parse(text: str, syntax: Syntax = "weighted", what: str = "prompt") -> Prompt:
    """Read a prompt; PromptError says what is wrong and where. `literal` takes every character as it is.

    Text without syntax gives one piece of weight 1 that is the text itself, byte for byte.
    """
    if syntax == "literal":
        return Prompt.of([[Piece(text)]])
    marks = [_mark(match) for match in _MARK.finditer(text)]
    factors = _Pairing(text, what).factors(marks)
    return _weigh(text, marks, factors, what)


def _mark(match: re.Match[str]) -> _Mark:
    kind = match.lastgroup if match["weight"] is None else "weight"
    if kind == "weight":
        return _Mark("weight", match[0], match.start(), match.end(), match["factor"], match.start("factor"))
    factor = match[0][:-2] if kind == "start" else ""
    return _Mark(str(kind), match[0], match.start(), match.end(), factor, match.start())


class _Pairing:
    """Finds for each opening mark the one that closes it, and with it the factor between them."""

    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what
        self.open: list[int] = []  # indices of marks that wait for their end

    def factors(self, marks: Sequence[_Mark]) -> dict[int, float]:
        """Factor of each opening mark, by its index among the marks."""
        found: dict[int, float] = {}
        for index, mark in enumerate(marks):
            top = marks[self.open[-1]] if self.open else None
            if mark.kind in ("open", "start"):
                if mark.kind == "start":
                    found[index] = self._number(mark)
                    if top is not None and top.kind == "start":
                        self.open.pop()
                self._push(index, mark)
            elif mark.kind == "stop":
                self._check_stop(mark, top)
                self.open.pop()
            elif mark.kind in ("close", "weight"):
                opened = self._opened(mark, top)
                found[self.open.pop()] = self._number(mark) if mark.factor else _FACTORS[opened.text]
        self._check_end(marks)
        return found

    def _push(self, index: int, mark: _Mark) -> None:
        self.open.append(index)
        if len(self.open) > DEEPEST:
            raise self._error(f"more than {DEEPEST} brackets inside each other; write (text:1.3) instead", mark.start)

    def _opened(self, mark: _Mark, top: _Mark | None) -> _Mark:
        """The bracket that a closing mark closes."""
        bracket, place = mark.text[-1], mark.end - 1
        if top is None:
            raise self._error(f"{bracket} closes no bracket; write \\{bracket} for a plain one", place)
        if top.kind == "start":
            raise self._error(f"{top.text} is still open here; write :: before {bracket}", place)
        if _PAIRS[top.text] != bracket:
            raise self._error(
                f"{bracket} does not close the {top.text} at character {top.start + 1}; "
                f"write {_PAIRS[top.text]} first, or \\{bracket} for a plain one",
                place,
            )
        return top

    def _check_stop(self, mark: _Mark, top: _Mark | None) -> None:
        if top is None:
            raise self._error(
                ":: ends no weight; one starts with a number right before it, like 1.2::text::, "
                "and \\:\\: is a plain one",
                mark.start,
            )
        if top.kind == "open":
            raise self._error(
                f":: stands inside the {top.text} at character {top.start + 1}; write {_PAIRS[top.text]} first",
                mark.start,
            )

    def _check_end(self, marks: Sequence[_Mark]) -> None:
        for index in self.open:
            mark = marks[index]
            if mark.kind == "open":
                raise self._error(f"{mark.text} is never closed; write \\{mark.text} for a plain one", mark.start)

    def _number(self, mark: _Mark) -> float:
        typed = mark.factor if len(mark.factor) <= 20 else f"{mark.factor[:20]}…"
        try:
            weight = float(mark.factor)
        except ValueError:
            raise self._error(
                f"{typed} is not a number; write a weight like 1.2, or \\: for a plain colon", mark.factor_at
            ) from None
        if not abs(weight) <= LARGEST_WEIGHT:
            raise self._error(
                f"a weight lies within -{LARGEST_WEIGHT:g}..{LARGEST_WEIGHT:g}, not {typed}; "
                "write \\: for a plain colon",
                mark.factor_at,
            )
        return weight

    def _error(self, problem: str, position: int) -> PromptError:
        return PromptError(problem, self.text, position, self.what)


def _weigh(text: str, marks: Sequence[_Mark], factors: dict[int, float], what: str) -> Prompt:
    """Cut the text at its marks and give each part the product of the factors around it."""
    sections: list[list[Piece]] = [[]]
    weight, outer = 1.0, list[tuple[str, float]]()  # the kind of each open mark, and the weight outside it
    position = 0
    for index, mark in enumerate(marks):
        sections[-1].append(Piece(text[position : mark.start], weight))
        position = mark.end
        if mark.kind == "escape":
            sections[-1].append(Piece(mark.text[1:], weight))
        elif mark.kind == "chunk":
            sections.append([])
        elif mark.kind in ("open", "start"):
            if mark.kind == "start" and outer and outer[-1][0] == "start":
                _, weight = outer.pop()
            outer.append((mark.kind, weight))
            # an open 1.2:: at the end has its factor; every bracket was paired
            weight *= factors[index]
            if abs(weight) > LARGEST_WEIGHT:
                raise PromptError(
                    f"the weights around this multiply to {weight:.4g}; together they lie within "
                    f"-{LARGEST_WEIGHT:g}..{LARGEST_WEIGHT:g}",
                    text,
                    mark.start,
                    what,
                )
        else:
            _, weight = outer.pop()
    sections[-1].append(Piece(text[position:], weight))
    return Prompt.of(sections)
