"""Read the mask language: text to expression, by recursive descent.

expression = [term] { ("+" | "-" | "&") term | ("|" | ";") filter }      left to right
term       = "(" expression ")" | "invert" term | shape
"""

from collections.abc import Callable
from math import isfinite
from pathlib import PurePath
from typing import TypeVar, cast

from retouch.errors import UnknownName
from retouch.mask import expression as ex
from retouch.mask import shapes as sh
from retouch.mask.syntax import MaskError, Token, found_instead, tokens, unquoted

T = TypeVar("T")

DEEPEST = 50
"""Most brackets and inverts inside each other."""
LARGEST = 1e6
"""Largest number, in pixels or per cent."""
TOLERANCE = 16
"""Tolerance of colour and flood where none is typed."""


def parse(text: str) -> ex.Expression:
    """The expression that a text says; MaskError says where it is wrong. An empty text is `none`."""
    return _Parser(text).whole()


class _Parser:
    """A cursor over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.index = 0
        self.depth = 0

    def whole(self) -> ex.Expression:
        """Everything up to the end."""
        found = self.expression()
        if self.next.kind != "end":
            raise self.unexpected("+, -, &, | or the end")
        return found

    def expression(self) -> ex.Expression:
        """A term and its steps; a leading sign acts on an empty mask, so that each line may begin with one."""
        first: ex.Term = sh.Nothing()
        plus = self.next.text == "+"
        if plus:
            self.take()
        if plus or not (self.next.kind == "end" or self.next.text in _STEP_MARKS):
            first = self.term()
        steps: list[ex.Step] = []
        while isinstance(first, ex.Expression):  # (a + b) - c is a + b - c
            steps = [*first.steps, *steps]
            first = first.first
        while self.next.kind == "mark" and self.next.text in _STEP_MARKS:
            mark = self.take().text
            steps.append(self.filter() if mark in "|;" else ex.Join(cast("ex.Sign", mark), self.term()))
        return ex.Expression(first, tuple(steps))

    def term(self) -> ex.Term:
        """A shape, an inverted term, or brackets."""
        start = self.next
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} brackets or inverts inside each other", start)
        try:
            if start.kind == "mark" and start.text == "(":
                return self.brackets()
            if self.word(ex.Not.word):
                return ex.Not(self.term())
            return self.named(_SHAPES, "shape")
        finally:
            self.depth -= 1

    def brackets(self) -> ex.Term:
        """What stands between ( and ); without steps it is just its term."""
        opening = self.take()
        inner = self.expression()
        if self.next.text != ")":
            if self.next.kind == "end":
                raise self.error("this bracket is not closed", opening)
            raise self.unexpected("+, -, &, | or )")
        self.take()
        return inner if inner.steps else inner.first

    def filter(self) -> ex.Filter:
        """What stands behind a |."""
        return self.named(_FILTERS, "filter")

    def named(self, known: "dict[str, Callable[[_Parser], T]]", kind: str) -> T:
        """A word that has a rule of its own, and what the rule reads."""
        token = self.next
        if token.kind != "word":
            raise self.unexpected(f"a {kind} ({', '.join(known)})")
        rule = known.get(token.text.lower())
        if rule is None:
            raise self.error(str(UnknownName(kind, token.text, known)), token)
        self.take()
        return rule(self)

    @property
    def next(self) -> Token:
        """The token under the cursor."""
        return self.tokens[self.index]

    def take(self) -> Token:
        """The token under the cursor; the cursor moves on."""
        token = self.next
        self.index += token.kind != "end"
        return token

    def word(self, *words: str) -> str | None:
        """One of these words if it comes next."""
        if self.next.kind == "word" and self.next.text.lower() in words:
            return self.take().text.lower()
        return None

    def mark(self, *marks: str) -> None:
        """One of these marks, which must come next."""
        if self.next.text.lower() not in marks:
            raise self.unexpected(marks[0])
        self.take()

    def number(self, what: str, low: float, high: float) -> float:
        """A plain number in a range."""
        token = self.next
        length = self.length(what, low)
        if length.percent or length.value > high:
            raise self.error(
                f"{what} must be a number from {sh.number(low)} to {sh.number(high)}, not {token.text}", token
            )
        return length.value

    def length(self, what: str, low: float = -LARGEST) -> sh.Length:
        """Pixels or per cent."""
        token = self.next
        if token.kind != "number":
            raise self.unexpected(f"{what}, a number")
        value = float(token.text.removesuffix("%").removesuffix("px"))
        if not isfinite(value) or not low <= value <= LARGEST:
            raise self.error(
                f"{what} must be from {sh.number(low)} to {sh.number(LARGEST)}, not {token.text[:20]}", token
            )
        self.take()
        return sh.Length(value + 0.0, token.text.endswith("%"))

    def point(self, what: str) -> sh.Point:
        """`x,y`."""
        x = self.length(what)
        self.mark(",")
        return sh.Point(x, self.length(what))

    def points(self, least: int) -> tuple[sh.Point, ...]:
        """Points up to the next word or mark."""
        found: list[sh.Point] = []
        while self.next.kind == "number" or len(found) < least:
            found.append(self.point("a point x,y"))
        return tuple(found)

    def tolerance(self) -> int:
        """A whole number 0..255, or the usual one."""
        if self.next.kind != "number":
            return TOLERANCE
        token = self.next
        value = self.number("the tolerance", 0, 255)
        if value != int(value):
            raise self.error("the tolerance must be a whole number from 0 to 255", token)
        return int(value)

    def unexpected(self, wanted: str) -> MaskError:
        """What should stand under the cursor."""
        return self.error(f"expected {wanted}, {found_instead(self.next)}", self.next)

    def error(self, problem: str, token: Token) -> MaskError:
        """A mistake at a token."""
        return MaskError(problem, self.text, token.place)


def _rectangle(p: _Parser) -> sh.Rectangle:
    corner = p.point("the corner x,y")
    width = p.length("the width", 0)
    p.mark("x", "×")
    return sh.Rectangle(corner, width, p.length("the height", 0))


def _ellipse(p: _Parser) -> sh.Ellipse:
    centre = p.point("the centre x,y")
    across = p.length("the half width", 0)
    p.mark(",")
    return sh.Ellipse(centre, across, p.length("the half height", 0))


def _brush(p: _Parser) -> sh.Brush:
    size = p.length("the pen's width", 0)
    soft = p.word("soft") is not None
    return sh.Brush(size, p.points(1), soft)


def _colour(p: _Parser) -> sh.Colour:
    if p.next.kind != "colour":
        raise p.unexpected("a colour such as #ff8000")
    digits = bytes.fromhex(p.take().text[1:])
    return sh.Colour((digits[0], digits[1], digits[2]), p.tolerance())


def _flood(p: _Parser) -> sh.Flood:
    return sh.Flood(p.point("the start x,y"), p.tolerance())


def _file(p: _Parser) -> sh.File:
    if p.next.kind != "string":
        raise p.unexpected('a file name in quotes, such as "mask.png"')
    token = p.take()
    path = unquoted(token)
    if not path or "\0" in path:
        raise p.error("a file name cannot be empty", token)
    channel = p.word("grey", "alpha", "color")
    if channel == "color":
        return sh.File(PurePath(path), "colour", _colour(p))
    return sh.File(PurePath(path), cast("sh.Channel", channel or "auto"))


def _feather(p: _Parser) -> ex.Feather:
    radius = p.length("the feather", 0)
    return ex.Feather(radius, cast("ex.Side", p.word("in", "out", "both") or "in"))


def _threshold(p: _Parser) -> ex.Threshold:
    token = p.next
    level = p.number("the threshold", 0, 1)
    if level == 0:
        raise p.error("the threshold must be above 0, or everything is masked; write all for that", token)
    return ex.Threshold(level)


_STEP_MARKS = ("+", "-", "&", "|", ";")

_SHAPES: dict[str, Callable[[_Parser], sh.Shape]] = {
    "rect": _rectangle,
    "ellipse": _ellipse,
    "poly": lambda p: sh.Polygon(p.points(3)),
    "brush": _brush,
    "alpha": lambda _: sh.Transparent(),
    "color": _colour,
    "flood": _flood,
    "file": _file,
    "all": lambda _: sh.All(),
    "none": lambda _: sh.Nothing(),
}

_FILTERS: dict[str, Callable[[_Parser], ex.Filter]] = {
    "expand": lambda p: ex.Expand(p.length("the radius", 0)),
    "shrink": lambda p: ex.Shrink(p.length("the radius", 0)),
    "feather": _feather,
    "invert": lambda _: ex.Invert(),
    "fill-holes": lambda _: ex.FillHoles(),
    "drop-specks": lambda p: ex.DropSpecks(p.length("the length", 0)),
    "threshold": _threshold,
}
