"""The fix list: numbered regions of the picture, each with its own mask and prompt, run one after another."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from retouch.geometry import Box, Size
from retouch.request import OPTIONS, request_from_data
from retouch_models.decode import encode
from retouch_tui.engine import Draft
from retouch_tui.layers import Mask8, Point
from retouch_tui.refine import separate
from retouch_tui.shapes import masked_box

State = Literal["waiting", "running", "done", "failed", "skipped"]

Own: TypeAlias = tuple[tuple[str, Any], ...]
"""Options of a request, or `candidates`, by name, where a region has others than the options panel."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """One flaw to fix."""

    number: int
    prompt: str
    box: Box
    """Around its mask."""
    packed: bytes
    """Its mask inside the box, compressed."""
    state: State = "waiting"
    own: Own = ()
    """What it has for itself; all else follows the options panel, and its seed is drawn anew each time."""
    take: int = 1
    """The candidate to go on from, counted from 1."""
    result: str = ""
    """Key of its result in the history."""
    note: str = ""

    @property
    def middle(self) -> Point:
        """Where its number stands on the canvas."""
        return ((self.box.left + self.box.right) / 2, (self.box.top + self.box.bottom) / 2)

    def mask(self, height: int, width: int) -> Mask8:
        """Return its mask at the size of the picture, (height, width); what lies outside is left out."""
        full = np.zeros((height, width), np.uint8)
        block = np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(self.box.height, self.box.width)
        inside = self.box.clamp(Size(width, height))
        full[inside.slices] = block[inside.shift(-self.box.left, -self.box.top).slices]
        return full

    def draft(self, common: Draft) -> Draft:
        """Return the options it runs with; UsageError when they cannot be meant together."""
        own = dict(self.own)
        candidates = own.pop("candidates", common.candidates)
        request = request_from_data({**common.request.to_data(), **own, "prompt": self.prompt})
        return replace(common, candidates=candidates, request=request)


def own_options(common: Draft, edited: Draft) -> Own:
    """Return in what the options of a region differ from the common ones."""
    before, after = common.request, edited.request
    differing = (name for name in OPTIONS if name != "prompt" and getattr(after, name) != getattr(before, name))
    own = [(name, encode(getattr(after, name))) for name in differing]
    if edited.candidates != common.candidates:
        own.append(("candidates", edited.candidates))
    return tuple(own)


def region_of(mask: Mask8, number: int, prompt: str) -> Region | None:
    """Make a region of a mask; None when nothing is masked."""
    box = masked_box(mask)
    return None if box.empty else Region(number=number, prompt=prompt, box=box, packed=_packed(mask[box.slices]))


def regions_of(mask: Mask8, prompt: str, *, apart: bool = False) -> list[Region]:
    """Make one region of a mask, or one of each of its separate areas; numbered from 1."""
    if not apart:
        whole = region_of(mask, 1, prompt)
        return [] if whole is None else [whole]
    found = []
    for number, (box, chosen) in enumerate(separate(mask), 1):
        block = np.where(chosen, mask[box.slices], 0).astype(np.uint8)
        found.append(Region(number=number, prompt=prompt, box=box, packed=_packed(block)))
    return found


def _packed(block: Mask8) -> bytes:
    return zlib.compress(np.ascontiguousarray(block).data, 1)


class FixList:
    """Regions in the order they will run."""

    def __init__(self) -> None:
        """Begin empty."""
        self._regions: dict[int, Region] = {}

    def __len__(self) -> int:
        """Count the regions."""
        return len(self._regions)

    def __iter__(self) -> Iterator[Region]:
        """In the order they will run."""
        return iter(list(self._regions.values()))

    def __getitem__(self, number: int) -> Region:
        """Return a region by its number."""
        return self._regions[number]

    def restore(self, region: Region) -> None:
        """Put a region back as it was."""
        self._regions[region.number] = region

    def add(self, mask: Mask8, prompt: str, *, apart: bool = False) -> list[Region]:
        """Add the mask as one region, or each of its separate areas as a region of its own."""
        return [self.append(region) for region in regions_of(mask, prompt, apart=apart)]

    def append(self, region: Region) -> Region:
        """Put a region at the end, under the next free number."""
        number = max(self._regions, default=0) + 1
        self._regions[number] = replace(region, number=number)
        return self._regions[number]

    def change(self, number: int, **changes: object) -> Region:
        """Replace some fields of a region."""
        self._regions[number] = replace(self._regions[number], **changes)  # type: ignore[arg-type]
        return self._regions[number]

    def shift(self, dx: int, dy: int) -> None:
        """Move all regions with a picture that was put on another canvas."""
        for region in self:
            self.change(region.number, box=region.box.shift(dx, dy))

    def remove(self, number: int) -> None:
        """Forget a region."""
        self._regions.pop(number, None)

    def clear(self) -> None:
        """Forget all regions."""
        self._regions.clear()

    def next_waiting(self) -> Region | None:
        """Return the first region that has not run."""
        return next((r for r in self if r.state == "waiting"), None)
