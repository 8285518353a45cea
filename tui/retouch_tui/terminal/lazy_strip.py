"""Strips that become segments only when somebody asks."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.segment import Segment
from textual.strip import Strip


class LazyStrip(Strip):
    """A strip whose base class is filled at the first use of one of its slots.

    Building one Segment and one Style for each cell costs five times what encoding an array does, and
    nobody needs them but an SVG export, a filter or a dimmed background.
    """

    __slots__ = ()

    def __init__(self, cell_length: int) -> None:
        """Know the length and nothing else."""
        self._cell_length = cell_length
        self._cell_count = cell_length

    def __getattr__(self, name: str) -> Any:
        """Fill the base class's slots."""
        if name not in Strip.__slots__:
            raise AttributeError(name)
        Strip.__init__(self, self.segments(), self.cell_length)
        return getattr(self, name)

    def __bool__(self) -> bool:
        return self.cell_length > 0

    def segments(self) -> list[Segment]:
        """Return what the strip looks like in Rich's terms."""
        raise NotImplementedError

    def part(self, start: int, end: int) -> Strip:
        """Return the cells from start to end, which is not empty and not the whole."""
        raise NotImplementedError

    def crop(self, start: int, end: int | None = None) -> Strip:
        """Return the cells from start to end."""
        start = max(0, start)
        end = self.cell_length if end is None else min(end, self.cell_length)
        if start == 0 and end == self.cell_length:
            return self
        return self.part(start, end) if end > start else Strip([], 0)

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Return the pieces that end at each cut."""
        inside = [cut for cut in cuts if cut <= self.cell_length]
        return [self.crop(start, end) for start, end in zip([0, *inside], inside, strict=False)]


class JoinedStrip(LazyStrip):
    """Strips side by side, each kept as it is."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Sequence[Strip]) -> None:
        """Join pieces."""
        self._pieces = tuple(pieces)
        super().__init__(sum(piece.cell_length for piece in pieces))

    @property
    def pieces(self) -> tuple[Strip, ...]:
        """The strips, from left to right."""
        return self._pieces

    def segments(self) -> list[Segment]:
        """Return the segments of all pieces."""
        return [segment for piece in self._pieces for segment in piece]

    def part(self, start: int, end: int) -> Strip:
        """Return the pieces, and parts of pieces, in between."""
        found, place = [], 0
        for piece in self._pieces:
            first, last = max(start - place, 0), min(end - place, piece.cell_length)
            if last > first:
                found.append(piece.crop(first, last))
            place += piece.cell_length
        return found[0] if len(found) == 1 else JoinedStrip(found)

    def render(self, console: Console) -> str:
        """Return the terminal text of all pieces."""
        return "".join(piece.render(console) for piece in self._pieces)
