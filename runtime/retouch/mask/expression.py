"""A mask expression as a value: one term, then steps that each act on all before them.

`str()` of an expression is its canonical text, and parsing that gives the same expression back.
A mask painted with thousands of strokes is a long list of steps and not a deep tree.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from retouch.mask.shapes import Length, Shape, number

Sign = Literal["+", "-", "&"]
Side = Literal["in", "out", "both"]


@dataclass(frozen=True)
class Not:
    """The inverse of the one term after it."""

    word: ClassVar[str] = "invert"
    term: "Term"

    def __str__(self) -> str:
        """As typed."""
        return f"{self.word} {bracketed(self.term)}"


@dataclass(frozen=True)
class Join:
    """Add, take away, or keep only what is also in a term."""

    sign: Sign
    term: "Term"

    def __str__(self) -> str:
        """As typed."""
        return f"{self.sign} {bracketed(self.term)}"


@dataclass(frozen=True)
class Expand:
    """Grow by a radius."""

    word: ClassVar[str] = "expand"
    radius: Length

    def __str__(self) -> str:
        """As typed."""
        return f"| {self.word} {self.radius}"


@dataclass(frozen=True)
class Shrink:
    """Shrink by a radius."""

    word: ClassVar[str] = "shrink"
    radius: Length

    def __str__(self) -> str:
        """As typed."""
        return f"| {self.word} {self.radius}"


@dataclass(frozen=True)
class Feather:
    """Fade the edge."""

    word: ClassVar[str] = "feather"
    radius: Length
    side: Side = "in"

    def __str__(self) -> str:
        """As typed."""
        return f"| {self.word} {self.radius} {self.side}"


@dataclass(frozen=True)
class Invert:
    """Swap keep and repaint of all before it."""

    word: ClassVar[str] = "invert"

    def __str__(self) -> str:
        """As typed."""
        return f"| {self.word}"


@dataclass(frozen=True)
class FillHoles:
    """Fill what is surrounded."""

    word: ClassVar[str] = "fill-holes"

    def __str__(self) -> str:
        """As typed."""
        return f"| {self.word}"


@dataclass(frozen=True)
class DropSpecks:
    """Remove areas smaller than a length."""

    word: ClassVar[str] = "drop-specks"
    length: Length

    def __str__(self) -> str:
        """As typed."""
        return f"| {self.word} {self.length}"


@dataclass(frozen=True)
class Threshold:
    """Make soft values 0 or 1."""

    word: ClassVar[str] = "threshold"
    level: float

    def __str__(self) -> str:
        """As typed."""
        return f"| {self.word} {number(self.level)}"


Filter: TypeAlias = Expand | Shrink | Feather | Invert | FillHoles | DropSpecks | Threshold
Step: TypeAlias = Join | Filter


@dataclass(frozen=True)
class Expression:
    """A first term, and steps that each act on all before them."""

    first: "Term"
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        """The canonical text, on one line."""
        return " ".join(self.lines())

    def lines(self) -> list[str]:
        """The same text, one step a line: joined by line breaks it reads back as well."""
        return [bracketed(self.first), *map(str, self.steps)]


Term: TypeAlias = Shape | Not | Expression


def bracketed(term: Term) -> str:
    """A term as it stands within an expression."""
    return f"({term})" if isinstance(term, Expression) else str(term)
