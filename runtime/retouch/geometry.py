"""Where things lie: sizes, boxes and placements, in whole pixels."""

import re
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import NamedTuple

from retouch.errors import UsageError


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """From `WIDTHxHEIGHT`."""
        found = re.fullmatch(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*", text)
        if found is None or 0 in (size := cls(int(found[1]), int(found[2]))):
            raise UsageError(f"{text!r} is not a size; write WIDTHxHEIGHT in pixels, such as 512x384")
        return size

    @property
    def area(self) -> int:
        """Pixels in all."""
        return self.width * self.height

    def __str__(self) -> str:
        """As typed: 640x480."""
        return f"{self.width}x{self.height}"


class Box(NamedTuple):
    """A rectangle of pixels; right and bottom are the first ones outside it."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, size: Size) -> "Box":
        """The box that covers a whole picture."""
        return cls(0, 0, size.width, size.height)

    @classmethod
    def parse(cls, text: str) -> "Box":
        """From `X,Y WIDTHxHEIGHT`, the top left corner and the size."""
        found = re.fullmatch(r"\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s+(\S.*)", text)
        if found is None:
            raise UsageError(f"{text!r} is not a box; write X,Y WIDTHxHEIGHT in pixels, such as 40,60 512x384")
        return cls.at(int(found[1]), int(found[2]), Size.parse(found[3]))

    @classmethod
    def at(cls, left: int, top: int, size: Size) -> "Box":
        """The box of this size at a corner."""
        return cls(left, top, left + size.width, top + size.height)

    @property
    def width(self) -> int:
        """Columns; negative for a box turned inside out."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows; negative for a box turned inside out."""
        return self.bottom - self.top

    @property
    def size(self) -> Size:
        """Width and height."""
        return Size(self.width, self.height)

    @property
    def area(self) -> int:
        """Pixels inside; 0 for an empty box."""
        return max(self.width, 0) * max(self.height, 0)

    @property
    def empty(self) -> bool:
        """Whether no pixel is inside."""
        return self.width <= 0 or self.height <= 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns: `array[box.slices]`. Only for boxes that do not start left of or above the array."""
        return slice(max(self.top, 0), max(self.bottom, 0)), slice(max(self.left, 0), max(self.right, 0))

    def pad(self, pixels: int) -> "Box":
        """Grown by as many pixels on all sides (shrunk if negative)."""
        return Box(self.left - pixels, self.top - pixels, self.right + pixels, self.bottom + pixels)

    def shift(self, dx: int, dy: int) -> "Box":
        """Moved right and down."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def clamp(self, size: Size) -> "Box":
        """The part inside a picture of this size."""
        return self.intersect(Box.of(size))

    def union(self, other: "Box") -> "Box":
        """The smallest box around both; an empty box adds nothing."""
        if other.empty:
            return self
        if self.empty:
            return other
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def intersect(self, other: "Box") -> "Box":
        """What lies in both; an empty box at the nearest corner where nothing does."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Box(left, top, max(left, min(self.right, other.right)), max(top, min(self.bottom, other.bottom)))

    def contains(self, other: "Box") -> bool:
        """Whether every pixel of the other box is in this one."""
        return other.empty or self.intersect(other) == other

    def grow_to_size(self, size: Size) -> "Box":
        """Grown evenly around its centre to at least this size; a side that is long enough stays."""
        dx, dy = max(size.width - self.width, 0), max(size.height - self.height, 0)
        left, top = self.left - dx // 2, self.top - dy // 2
        return Box(left, top, left + self.width + dx, top + self.height + dy)

    def grow_to_aspect(self, aspect: Size) -> "Box":
        """Grown along one side until width : height is as in `aspect`, to the nearest pixel, never below."""
        ratio = Fraction(aspect.width, aspect.height)
        width = max(self.width, round(self.height * ratio))
        height = max(self.height, round(self.width / ratio))
        return self.grow_to_size(Size(width, height))

    def shift_into(self, size: Size) -> "Box":
        """Moved, not cut, to lie inside a picture; along a side that is too long it overhangs evenly."""

        def start(low: int, length: int, limit: int) -> int:
            return (limit - length) // 2 if length > limit else min(max(low, 0), limit - length)

        return Box.at(start(self.left, self.width, size.width), start(self.top, self.height, size.height), self.size)

    def scaled(self, source: Size, target: Size) -> "Box":
        """The pixels of `target` that this box of `source` touches, the one being the other resized."""

        def low(value: int, of: int, to: int) -> int:
            return value * to // of

        def high(value: int, of: int, to: int) -> int:
            return -(-value * to // of)

        return Box(
            low(self.left, source.width, target.width),
            low(self.top, source.height, target.height),
            high(self.right, source.width, target.width),
            high(self.bottom, source.height, target.height),
        )

    def __str__(self) -> str:
        """As typed: x,y widthxheight."""
        return f"{self.left},{self.top} {self.size}"


@dataclass(frozen=True)
class Placement:
    """A crop in picture pixels and the size at which the model works on it.

    The crop may overhang the picture where that is too small or too narrow for the model;
    the overhang is filled by repeating the picture's edge and is never written back.
    """

    crop: Box
    work: Size

    @property
    def zoom(self) -> float:
        """Work pixels per picture pixel, along the width: above 1 the picture is enlarged for the model."""
        return self.work.width / self.crop.width


def length_px(length: str | float, whole: int) -> int:
    """A length in pixels from `128`, `"128"`, `"128px"` or `"25%"` of `whole`, rounded to the nearest pixel."""
    text = str(length).strip().lower()
    number, scale = text.removesuffix("px"), 1.0
    if text.endswith("%"):
        number, scale = text.removesuffix("%"), whole / 100
    try:
        pixels = float(number) * scale
    except ValueError:
        pixels = float("nan")
    if not isfinite(pixels) or abs(pixels) > 1 << 20:
        raise UsageError(f"{str(length)!r} is not a length; write pixels (128) or per cent (25%)")
    return round(pixels)
