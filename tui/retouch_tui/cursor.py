"""The keyboard's pointer: moves by view pixels, faster while a key is held, and in four hops to anywhere."""

from dataclasses import dataclass

from retouch.geometry import Box, Size
from retouch_tui.layers import Point

HELD_SECONDS = 0.15
"""Presses of one direction that follow each other this fast count as a held key."""
FAR = 8
FASTEST = 8.0

GRID_KEYS = "1234qwerasdfzxcv"
"""Keys of the four by four fields, row by row: the left block of a keyboard."""
HOPS = 4


@dataclass
class Cursor:
    """Where the crosshair is, in picture coordinates."""

    at: Point = (0.5, 0.5)
    _way: tuple[int, int] = (0, 0)
    _last: float = -1.0
    _pace: float = 1.0

    def step(self, dx: int, dy: int, *, far: bool, zoom: float, now: float, size: Size) -> Point:
        """Move by one view pixel (or eight); `zoom` is view pixels per picture pixel, `now` in seconds."""
        held = (dx, dy) == self._way and now - self._last < HELD_SECONDS
        self._pace = min(self._pace * 1.15, FASTEST) if held else 1.0
        self._way, self._last = (dx, dy), now
        stride = max(1.0, 1 / zoom) * (FAR if far else 1) * self._pace
        return self.go((self.at[0] + dx * stride, self.at[1] + dy * stride), size)

    def go(self, at: Point, size: Size) -> Point:
        """Move to a place, kept on the picture."""
        self.at = (min(max(at[0], 0.5), size.width - 0.5), min(max(at[1], 0.5), size.height - 0.5))
        return self.at


@dataclass(frozen=True)
class Field:
    """A part of the picture on the way of a grid hop: left, top, right, bottom in picture coordinates."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, box: Box) -> "Field":
        """Begin with a box of the picture."""
        return cls(box.left, box.top, box.right, box.bottom)

    @property
    def middle(self) -> Point:
        """Where the hop ends."""
        return ((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def part(self, index: int) -> "Field":
        """Return one of its sixteen fields, row by row."""
        wide, high = (self.right - self.left) / 4, (self.bottom - self.top) / 4
        left, top = self.left + index % 4 * wide, self.top + index // 4 * high
        return Field(left, top, left + wide, top + high)

    def narrowed(self, key: str) -> "Field | None":
        """Return the field of a key; None for a key that names none."""
        index = GRID_KEYS.find(key)
        return self.part(index) if len(key) == 1 and index >= 0 else None
