"""Undo and redo: what a step changed, as the compressed difference of the pixels in its box."""

import zlib
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB
from retouch.geometry import Box
from retouch_tui.layers import Mask8, Sketch

LARGEST_COUNT = 200
"""Steps that can be undone."""

LARGEST_BYTES = 64 * 2**20
"""Memory that steps may take; the oldest go first."""


class Canvas(Protocol):
    """The layers that steps change."""

    picture: RGB
    mask: Mask8
    sketch: Sketch | None
    lines: tuple[str, ...]


class Step(Protocol):
    """Something that can be undone and redone."""

    @property
    def label(self) -> str:
        """What it was, in a word or two."""
        ...

    def undo(self, canvas: Canvas) -> Box:
        """Take the step back and return what changed."""
        ...

    def redo(self, canvas: Canvas) -> Box:
        """Do the step again and return what changed."""
        ...

    def weight(self) -> int:
        """Bytes it holds."""
        ...


@dataclass(frozen=True)
class Difference:
    """The exclusive or of two uint8 blocks of one shape; applying it twice changes nothing."""

    shape: tuple[int, ...]
    binary: bool
    packed: bytes

    @classmethod
    def between(cls, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> "Difference":
        """Compress the difference; blocks that differ by whole masks only take a bit a pixel."""
        changed = before ^ after
        binary = bool(np.all((changed == 0) | (changed == 255)))
        plain = np.packbits(changed.ravel() != 0) if binary else np.ascontiguousarray(changed)
        return cls(before.shape, binary, zlib.compress(plain.tobytes(), 1))

    def of(self, block: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the other of the two blocks."""
        plain = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        if self.binary:
            count = int(np.prod(self.shape))
            plain = np.unpackbits(plain, count=count) * np.uint8(255)
        return block ^ plain.reshape(self.shape)


@dataclass(frozen=True)
class Change:
    """Pixels of one layer and the lines of the script."""

    label: str
    box: Box
    mask: Difference | None
    sketch: Difference | None
    before: tuple[str, ...]
    after: tuple[str, ...]

    def undo(self, canvas: Canvas) -> Box:
        """Flip the pixels back."""
        self._flip(canvas)
        canvas.lines = self.before
        return self.box

    def redo(self, canvas: Canvas) -> Box:
        """Flip the pixels again."""
        self._flip(canvas)
        canvas.lines = self.after
        return self.box

    def _flip(self, canvas: Canvas) -> None:
        where = self.box.slices
        if self.mask is not None:
            canvas.mask[where] = self.mask.of(canvas.mask[where])
        if self.sketch is not None and canvas.sketch is not None:
            canvas.sketch[where] = self.sketch.of(canvas.sketch[where])

    def weight(self) -> int:
        """Count the compressed pixels; the lines are shared between steps."""
        return sum(len(d.packed) for d in (self.mask, self.sketch) if d is not None) + 200


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All layers at once, for steps that change the picture's size."""

    picture: RGB
    mask: bytes
    sketch: bytes | None
    lines: tuple[str, ...]

    @classmethod
    def of(cls, canvas: Canvas) -> "Snapshot":
        """Keep the layers as they are."""
        sketch = None if canvas.sketch is None else zlib.compress(canvas.sketch.tobytes(), 1)
        return cls(canvas.picture, zlib.compress(canvas.mask.tobytes(), 1), sketch, canvas.lines)

    def restore(self, canvas: Canvas) -> Box:
        """Put the layers back."""
        shape = self.picture.shape[:2]
        canvas.picture = self.picture
        canvas.mask = np.frombuffer(zlib.decompress(self.mask), np.uint8).reshape(shape).copy()
        canvas.sketch = None
        if self.sketch is not None:
            canvas.sketch = np.frombuffer(zlib.decompress(self.sketch), np.uint8).reshape(*shape, 4).copy()
        canvas.lines = self.lines
        return Box(0, 0, shape[1], shape[0])


@dataclass(frozen=True, eq=False)
class Reframe:
    """A change of the picture's size."""

    label: str
    before: Snapshot
    after: Snapshot

    def undo(self, canvas: Canvas) -> Box:
        """Return to the old size."""
        return self.before.restore(canvas)

    def redo(self, canvas: Canvas) -> Box:
        """Return to the new size."""
        return self.after.restore(canvas)

    def weight(self) -> int:
        """Count the masks and sketches; pictures are kept by the history anyway."""
        shots = (self.before, self.after)
        return sum(len(s.mask) + len(s.sketch or b"") for s in shots)


class Timeline:
    """The steps done and undone."""

    def __init__(self) -> None:
        """Begin empty."""
        self._past: deque[Step] = deque()
        self._future: list[Step] = []

    def add(self, step: Step) -> None:
        """Record a step that was just done; what was undone before is gone."""
        self._future.clear()
        self._past.append(step)
        while len(self._past) > LARGEST_COUNT or (len(self._past) > 1 and self.weight() > LARGEST_BYTES):
            self._past.popleft()

    def undo(self, canvas: Canvas) -> tuple[str, Box] | None:
        """Take the last step back; None when there is none."""
        if not self._past:
            return None
        step = self._past.pop()
        self._future.append(step)
        return step.label, step.undo(canvas)

    def redo(self, canvas: Canvas) -> tuple[str, Box] | None:
        """Do the last undone step again; None when there is none."""
        if not self._future:
            return None
        step = self._future.pop()
        self._past.append(step)
        return step.label, step.redo(canvas)

    def forget(self) -> None:
        """Drop everything."""
        self._past.clear()
        self._future.clear()

    def weight(self) -> int:
        """Bytes held by the steps that can be undone."""
        return sum(step.weight() for step in self._past)

    def __len__(self) -> int:
        """Count the steps that can be undone."""
        return len(self._past)
