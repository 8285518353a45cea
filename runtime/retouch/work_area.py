"""Choose what the model sees: the crop around the mask and the size at which it works on it.

The rules, and why:

* Unless a padding is given, the masked box is padded by at least 32 pixels and takes at most two thirds of the
  crop's side (a border of a quarter of the box), so that the model sees enough to continue the surroundings.
* A crop is enlarged at most `max_zoom` times. Twice shows a small face or hand in detail that the model can draw;
  more only shows it blur. A picture smaller than that is shown whole.
* A crop that nearly has the work size is taken at exactly that size: unscaled pixels need no resampling.
* Square crops of the native size are what the model was trained on. Other shapes on its grid are used where
  a square does not fit into the picture, and an edge is repeated only where no shape fits.
* A model made for certain sizes works at one of those, and the crop has its shape.
* Where a device pays for every new size (CUDA plans each convolution anew), sizes come from a list of six.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2
from typing import Literal

import numpy as np

from retouch.arrays import Mask
from retouch.canvas import size_of
from retouch.errors import PictureError, UsageError
from retouch.geometry import Box, Placement, Size
from retouch.regions import Area, Regions, bounds, split
from retouch.request import InpaintRequest
from retouch_models.manifest import SizeSpec

Kind = Literal["masked", "picture", "box"]

PADDING_PX = 32
"""Least automatic padding, in picture pixels."""
SHARE = 2 / 3
"""With automatic padding: largest share of the crop's side that the masked box takes."""
LONGEST = 2.0
"""Longest work size, as long side : short side."""
UNSCALED = (0.8, 1.125)
"""A crop whose side is between these times the work size is taken unscaled if what must be seen still fits."""


@dataclass(frozen=True, kw_only=True)
class WorkArea:
    """How the crop is chosen."""

    kind: Kind = "masked"
    """`masked`: around the mask; `picture`: all of it; `box`: around a given box, the mask counts only there."""
    box: Box | None = None
    """The box of kind `box`, in picture pixels."""
    padding_px: int | None = None
    """Least width of the surroundings shown around the mask, in picture pixels; None chooses it."""
    max_zoom: float = 2.0
    """How much a small crop may be enlarged; 1 never enlarges more than a small picture needs."""
    target: Size | None = None
    """A work size to use in place of the best one."""
    regions: Regions = "auto"
    """Whether areas far apart are run one by one; only for `masked`."""
    few: bool = False
    """Whether sizes are chosen from the short list."""


@dataclass(frozen=True, eq=False)
class Region:
    """One run of the model: where it looks and what it repaints there.

    `mask` has the size of the crop and holds only the areas of this region: a neighbour's area that the crop
    happens to show is kept. Regions run one after another, each on the accepted result of the one before.
    """

    placement: Placement
    mask: Mask


def work_area_of(request: InpaintRequest) -> WorkArea:
    """The work area that a request asks for; UsageError for an area that cannot be read."""
    named: dict[str, Kind] = {"masked": "masked", "picture": "picture"}
    kind = named.get(request.area, "box")
    return WorkArea(
        kind=kind,
        box=Box.parse(request.area) if kind == "box" else None,
        padding_px=request.padding,
        target=None if request.work_size is None else Size(*request.work_size),
        regions=request.regions,
    )


def plan(mask: Mask, area: WorkArea, sizes: SizeSpec) -> tuple[Region, ...]:
    """The runs that repaint a mask, (H, W): at least one, from the top left."""
    picture = size_of(mask)
    _check(area, sizes, picture)
    if area.kind == "masked":
        near = PADDING_PX if area.padding_px is None else area.padding_px
        parts = split(mask, area.regions, near_px=near, native=sizes.native)
    else:
        seen = Box.of(picture) if area.box is None else area.box.clamp(picture)
        inner = bounds(mask[seen.slices])
        box = inner.shift(seen.left, seen.top)
        parts = () if inner.empty else (Area(box, mask[box.slices]),)
    if not parts:
        where = "the mask" if area.kind != "box" else f"the mask inside the box {area.box}"
        raise PictureError(f"{where} is empty: nothing would be repainted; paint over what should change")
    return tuple(_region(part, area, sizes, picture) for part in parts)


def work_sizes(sizes: SizeSpec) -> tuple[Size, ...]:
    """Sizes on the model's grid of about the native area, none longer than 2:1, the native square first.

    A model that works at certain sizes only has those.
    """
    return _work_sizes(sizes)


@lru_cache(maxsize=16)
def few_work_sizes(sizes: SizeSpec) -> tuple[Size, ...]:
    """Those of `work_sizes` nearest to six shapes: two squares, 3:2 and 2:1 both ways; the native one first."""
    every, native = work_sizes(sizes), sizes.native
    wished = [Size(native, native), Size(native * 5 // 4, native * 5 // 4)]
    for long, short in ((native * 3 // 2, native), (native * 11 // 8, native * 11 // 16)):
        wished += [Size(long, short), Size(short, long)]

    def nearest(wish: Size) -> Size:
        return min(every, key=lambda size: abs(size.width - wish.width) + abs(size.height - wish.height))

    return (*dict.fromkeys(nearest(wish) for wish in wished),)


def _region(part: Area, area: WorkArea, sizes: SizeSpec, picture: Size) -> Region:
    """The placement of one area, and its values in the crop."""
    if area.kind == "masked":
        placement = _around(part.box, area, sizes, picture)
    else:
        must = Box.of(picture) if area.kind == "picture" or area.box is None else area.box.clamp(picture)
        placement = _best(must, must, area, sizes, picture)
    crop = placement.crop
    own = np.zeros((crop.height, crop.width), np.float32)
    own[part.box.shift(-crop.left, -crop.top).slices] = part.mask
    return Region(placement, own)


def _around(box: Box, area: WorkArea, sizes: SizeSpec, picture: Size) -> Placement:
    """The placement that shows a masked box with its surroundings."""
    if area.padding_px is not None:
        must = box.pad(area.padding_px).clamp(picture)
        return _best(must, must, area, sizes, picture)
    must = box.pad(PADDING_PX).clamp(picture)
    side = Size(*(ceil(length / SHARE) for length in box.size))
    return _best(must, must.union(box.grow_to_size(side)).clamp(picture), area, sizes, picture)


def _best(must: Box, wish: Box, area: WorkArea, sizes: SizeSpec, picture: Size) -> Placement:
    """The placement of the lowest cost that shows all of `must`, and of `wish` unless unscaled pixels are near."""
    listed = few_work_sizes(sizes) if area.few else work_sizes(sizes)
    candidates = listed if area.target is None else (area.target,)
    placements = [Placement(_crop(must, wish, work, area.max_zoom, picture), work) for work in candidates]
    return min(placements, key=lambda placement: _cost(placement, sizes, picture))


def _crop(must: Box, wish: Box, work: Size, max_zoom: float, picture: Size) -> Box:
    """The crop for one work size: no smaller than `max_zoom` allows, in its shape, inside the picture."""
    least = Size(*(min(ceil(w / max_zoom), p) for w, p in zip(work, picture, strict=True)))
    crop = wish.grow_to_size(least).grow_to_aspect(work)
    low, high = UNSCALED
    fits = all(m <= w and w <= p * 17 / 16 for m, w, p in zip(must.size, work, picture, strict=True))
    if fits and low * work.width <= crop.width <= high * work.width:
        crop = must.grow_to_size(work)
    return crop.shift_into(picture)


def _cost(placement: Placement, sizes: SizeSpec, picture: Size) -> float:
    """What a placement gives up: repeated edges, detail, and nearness to the native square (all in octaves)."""
    crop, work = placement.crop, placement.work
    outside = 1 - crop.clamp(picture).area / crop.area
    shrunk = max(0.0, log2(crop.width / work.width))
    return 4 * outside + shrunk + abs(log2(work.area / sizes.native**2)) + abs(log2(work.width / work.height))


@lru_cache(maxsize=16)
def _work_sizes(sizes: SizeSpec) -> tuple[Size, ...]:
    """See `work_sizes`; a step of a sixteenth of the native side is fine enough."""
    if sizes.fixed:
        return tuple(Size(*size) for size in sizes.fixed)
    step = sizes.multiple * ceil(sizes.native / 16 / sizes.multiple)
    below = range(sizes.native - step, sizes.minimum - 1, -step)
    sides = [*range(sizes.native, sizes.maximum + 1, step), *below]
    native = sizes.native**2
    found = [
        Size(width, height)
        for width in sides
        for height in sides
        if max(width, height) <= LONGEST * min(width, height) and native / 2 <= width * height <= native * 2
    ]
    return tuple(found) or (Size(sizes.native, sizes.native),)


def _check(area: WorkArea, sizes: SizeSpec, picture: Size) -> None:
    """Refuse options that no crop can follow."""
    if (area.padding_px is not None and area.padding_px < 0) or not area.max_zoom >= 1:
        raise UsageError("the padding must be 0 or more and the zoom at least 1")
    if area.kind == "box" and (area.box is None or area.box.clamp(picture).empty):
        raise UsageError(f"the work area must be a box inside the picture ({picture}), not {area.box}")
    if area.target is not None and not sizes.allows(*area.target):
        raise UsageError(f"the model cannot work at {area.target}; it works at {sizes.words()}")
