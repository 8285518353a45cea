"""Undo and redo: what a step changed, as the compressed difference of the pixels in its places.

A step only works out what would be seen (`Landing`), in a thread if that takes long; the document puts it in place.
"""

import zlib
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retouch.arrays import RGB
from retouch.geometry import Box
from retouch_tui.landing import Block, Landing, Layers, landing

LARGEST_COUNT = 200
"""Steps that can be undone."""

LARGEST_BYTES = 64 * 2**20
"""Memory that steps may take; the oldest go first."""


class Step(Protocol):
    """Something that can be undone and redone."""

    @property
    def label(self) -> str:
        """What it was, in a word or two."""
        ...

    @property
    def pixels(self) -> int:
        """How many pixels must be looked at to undo it."""
        ...

    def undone(self, layers: Layers) -> Landing:
        """Work out the layers without the step."""
        ...

    def redone(self, layers: Layers) -> Landing:
        """Work out the layers with the step once more."""
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
        plain = np.packbits(changed.ravel() != 0) if binary else changed
        return cls(before.shape, binary, zlib.compress(np.ascontiguousarray(plain).data, 1))

    def of(self, block: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the other of the two blocks."""
        plain = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        if self.binary:
            count = int(np.prod(self.shape))
            plain = np.unpackbits(plain, count=count) * np.uint8(255)
        return block ^ plain.reshape(self.shape)


@dataclass(frozen=True)
class Piece:
    """How a box of a layer differs."""

    box: Box
    difference: Difference

    def of(self, layer: NDArray[np.uint8]) -> Block:
        """Return the other pixels of the box."""
        return Block(self.box, self.difference.of(layer[self.box.slices]))


@dataclass(frozen=True)
class Change:
    """Pixels of a layer and the lines of the script."""

    label: str
    box: Box
    before: tuple[str, ...]
    after: tuple[str, ...]
    mask: tuple[Piece, ...] = ()
    sketch: tuple[Piece, ...] = ()

    @property
    def pixels(self) -> int:
        """Count those of its boxes."""
        return sum(piece.box.area for piece in (*self.mask, *self.sketch))

    def undone(self, layers: Layers) -> Landing:
        """Flip the pixels back."""
        return self._flipped(layers, self.before)

    def redone(self, layers: Layers) -> Landing:
        """Flip the pixels again."""
        return self._flipped(layers, self.after)

    def _flipped(self, layers: Layers, lines: tuple[str, ...]) -> Landing:
        mask = tuple(piece.of(layers.mask) for piece in self.mask)
        sketch = () if layers.sketch is None else tuple(piece.of(layers.sketch) for piece in self.sketch)
        return landing(layers, self.label, self.box, lines, mask=mask, sketch=sketch)

    def weight(self) -> int:
        """Count the compressed pixels; the lines are shared between steps."""
        return self._weight

    @cached_property
    def _weight(self) -> int:
        return sum(len(piece.difference.packed) for piece in (*self.mask, *self.sketch)) + 200


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All layers at once, for steps that change the picture's size."""

    picture: RGB
    mask: bytes
    sketch: bytes | None
    lines: tuple[str, ...]

    @classmethod
    def of(cls, layers: Layers) -> "Snapshot":
        """Keep the layers as they are."""
        sketch = None if layers.sketch is None else zlib.compress(np.ascontiguousarray(layers.sketch).data, 1)
        return cls(layers.picture, zlib.compress(np.ascontiguousarray(layers.mask).data, 1), sketch, layers.lines)

    def layers(self) -> Layers:
        """Return the layers."""
        shape = self.picture.shape[:2]
        mask = np.frombuffer(zlib.decompress(self.mask), np.uint8).reshape(shape).copy()
        sketch = None
        if self.sketch is not None:
            sketch = np.frombuffer(zlib.decompress(self.sketch), np.uint8).reshape(*shape, 4).copy()
        return Layers(self.picture, mask, sketch, self.lines)


@dataclass(frozen=True, eq=False)
class Reframe:
    """A change of the picture's size."""

    label: str
    before: Snapshot
    after: Snapshot

    @property
    def pixels(self) -> int:
        """Count those of the larger picture."""
        return max(self.before.picture.size, self.after.picture.size) // 3

    def undone(self, layers: Layers) -> Landing:  # noqa: ARG002 - all of them are replaced
        """Return to the old size."""
        return self._to(self.before)

    def redone(self, layers: Layers) -> Landing:  # noqa: ARG002
        """Return to the new size."""
        return self._to(self.after)

    def _to(self, shot: Snapshot) -> Landing:
        found = shot.layers()
        return Landing(label=self.label, box=found.whole, lines=found.lines, layers=found)

    def weight(self) -> int:
        """Count the masks and sketches; pictures are kept by the history anyway."""
        shots = (self.before, self.after)
        return sum(len(s.mask) + len(s.sketch or b"") for s in shots)


@dataclass(eq=False)
class Timeline:
    """The steps done and undone."""

    past: deque[Step] = field(default_factory=deque)
    future: list[Step] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """Record a step that was just done; what was undone before is gone."""
        self.future.clear()
        self.past.append(step)
        while len(self.past) > LARGEST_COUNT or (len(self.past) > 1 and self.weight() > LARGEST_BYTES):
            self.past.popleft()

    def stepped_back(self) -> None:
        """The last step was undone."""
        self.future.append(self.past.pop())

    def stepped_on(self) -> None:
        """The last undone step was done again."""
        self.past.append(self.future.pop())

    def weight(self) -> int:
        """Bytes held by the steps that can be undone."""
        return sum(step.weight() for step in self.past)

    def __len__(self) -> int:
        """Count the steps that can be undone."""
        return len(self.past)
