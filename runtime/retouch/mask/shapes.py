"""The shapes of the mask language as values, and the text of each.

`str()` of a shape is its canonical text. Lengths stay as they were typed, so per cent follow the picture's size.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePath
from typing import ClassVar, Literal, TypeAlias

from retouch.mask.syntax import quoted

Channel = Literal["auto", "grey", "alpha", "colour"]


def number(value: float) -> str:
    """The shortest decimal that reads back as the same float, without an exponent."""
    text = format(Decimal(repr(value + 0.0)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Length:
    """Pixels, or per cent of the width, the height or the shorter side."""

    value: float
    percent: bool = False

    def __str__(self) -> str:
        """`12` or `12%`."""
        return number(self.value) + ("%" if self.percent else "")

    def of(self, whole: int) -> float:
        """In pixels."""
        return self.value * whole / 100 if self.percent else self.value


@dataclass(frozen=True)
class Point:
    """A place in the picture; 0,0 is the top left corner of the first pixel, whose middle is 0.5,0.5."""

    x: Length
    y: Length

    def __str__(self) -> str:
        """`x,y`."""
        return f"{self.x},{self.y}"


class Plain:
    """A shape that is one word."""

    word: ClassVar[str]

    def __str__(self) -> str:
        """As typed."""
        return self.word


@dataclass(frozen=True)
class All(Plain):
    """The whole picture."""

    word: ClassVar[str] = "all"


@dataclass(frozen=True)
class Nothing(Plain):
    """An empty mask."""

    word: ClassVar[str] = "none"


@dataclass(frozen=True)
class Transparent(Plain):
    """What is transparent in the picture."""

    word: ClassVar[str] = "alpha"


@dataclass(frozen=True)
class Rectangle:
    """A rectangle by its top left corner and size."""

    word: ClassVar[str] = "rect"
    corner: Point
    width: Length
    height: Length

    def __str__(self) -> str:
        """As typed."""
        return f"{self.word} {self.corner} {self.width}x{self.height}"


@dataclass(frozen=True)
class Ellipse:
    """An ellipse by its centre and half axes."""

    word: ClassVar[str] = "ellipse"
    centre: Point
    across: Length
    down: Length

    def __str__(self) -> str:
        """As typed."""
        return f"{self.word} {self.centre} {self.across},{self.down}"


@dataclass(frozen=True)
class Polygon:
    """A closed outline; where it crosses itself, inside and outside alternate."""

    word: ClassVar[str] = "poly"
    points: tuple[Point, ...]

    def __str__(self) -> str:
        """As typed."""
        return f"{self.word} {' '.join(map(str, self.points))}"


@dataclass(frozen=True)
class Brush:
    """A stroke of a round pen through points; a soft one fades from half its radius outward."""

    word: ClassVar[str] = "brush"
    size: Length
    points: tuple[Point, ...]
    soft: bool = False

    def __str__(self) -> str:
        """As typed."""
        return f"{self.word} {self.size} {'soft ' if self.soft else ''}{' '.join(map(str, self.points))}"


@dataclass(frozen=True)
class Colour:
    """Every pixel near a colour."""

    word: ClassVar[str] = "color"
    rgb: tuple[int, int, int]
    tolerance: int

    def __str__(self) -> str:
        """As typed."""
        return f"{self.word} {hexadecimal(self.rgb)} {self.tolerance}"


@dataclass(frozen=True)
class Flood:
    """What hangs together with a pixel and has nearly its colour."""

    word: ClassVar[str] = "flood"
    start: Point
    tolerance: int

    def __str__(self) -> str:
        """As typed."""
        return f"{self.word} {self.start} {self.tolerance}"


@dataclass(frozen=True)
class File:
    """A mask file: its grey values, its opacity, or the pixels near a key colour; `auto` looks what it has."""

    word: ClassVar[str] = "file"
    path: PurePath
    channel: Channel = "auto"
    key: Colour | None = None
    """Only for the channel `colour`."""

    def __str__(self) -> str:
        """As typed."""
        tail = "" if self.channel == "auto" else f" {self.channel if self.key is None else self.key}"
        return f"{self.word} {quoted(str(self.path))}{tail}"


Shape: TypeAlias = All | Nothing | Transparent | Rectangle | Ellipse | Polygon | Brush | Colour | Flood | File
"""Everything that marks pixels by itself."""


def hexadecimal(rgb: tuple[int, int, int]) -> str:
    """`#rrggbb`."""
    return "#" + "".join(f"{channel:02x}" for channel in rgb)
