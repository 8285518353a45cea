"""Turn a mask expression into pixels, all at once or one step after another."""

from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path

import numpy as np

from retouch.arrays import RGB, Alpha, Mask
from retouch.canvas import size_of
from retouch.errors import PictureError
from retouch.geometry import Box, Size
from retouch.mask import draw, ops, select
from retouch.mask import expression as ex
from retouch.mask import shapes as sh
from retouch.mask.draw import Patch
from retouch.mask.files import mask_of_file
from retouch.regions import bounds


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskSource:
    """What a mask is rendered for: the picture's size and, for the shapes that look at it, its pixels."""

    size: Size
    picture: RGB | None = None
    alpha: Alpha | None = None
    """None for a picture without transparency."""
    folder: Path = field(default_factory=Path)
    """Where relative names of mask files start."""
    fit: bool = False
    """Whether a mask file of another size is resized to the picture's."""


def render(expression: ex.Expression, source: MaskSource) -> Mask:
    """The mask that an expression says, (H, W) float32, 0..1."""
    mask = np.zeros((source.size.height, source.size.width), np.float32)
    first = _term(expression.first, source)
    mask[first.box.slices] = first.mask
    for step in expression.steps:
        change = _change(step, mask, source)
        mask[change.box.slices] = change.mask
    return mask


def change(mask: Mask, step: ex.Step, source: MaskSource) -> Patch:
    """What one more step does to a mask: the box that changes and its new values; the mask itself stays.

    A painter keeps the old values of that box to undo the step. A stroke costs no more than its own box.
    """
    return _change(step, mask, source)


def full(patch: Patch, size: Size) -> Mask:
    """A patch on an empty mask."""
    mask = np.zeros((size.height, size.width), np.float32)
    mask[patch.box.slices] = patch.mask
    return mask


def _change(step: ex.Step, mask: Mask, source: MaskSource) -> Patch:
    """See `change`."""
    if not isinstance(step, ex.Join):
        return _whole(_filter(step, mask))
    term = _term(step.term, source)
    if step.sign == "&":
        box = bounds(mask)
        return Patch(box, ops.intersect(mask[box.slices], full(term, source.size)[box.slices]))
    joined = ops.union if step.sign == "+" else ops.subtract
    return Patch(term.box, joined(mask[term.box.slices], term.mask))


def _whole(mask: Mask) -> Patch:
    return Patch(Box.of(size_of(mask)), mask)


def _point(point: sh.Point, size: Size) -> tuple[float, float]:
    """A place as float coordinates."""
    return point.x.of(size.width), point.y.of(size.height)


@singledispatch
def _term(term: ex.Term, _source: MaskSource) -> Patch:
    """The pixels of one term."""
    raise TypeError(f"no rule renders {type(term).__name__}")


@_term.register
def _(_: sh.All, source: MaskSource) -> Patch:
    return _whole(np.ones((source.size.height, source.size.width), np.float32))


@_term.register
def _(_: sh.Nothing, _source: MaskSource) -> Patch:
    return Patch(Box(0, 0, 0, 0), np.zeros((0, 0), np.float32))


@_term.register
def _(_: sh.Transparent, source: MaskSource) -> Patch:
    if source.alpha is None:
        raise PictureError("the mask asks for alpha, but the picture has no transparency; paint the mask instead")
    return _whole(select.from_transparency(source.alpha))


@_term.register
def _(term: sh.Rectangle, source: MaskSource) -> Patch:
    size = source.size
    return draw.rectangle(size, *_point(term.corner, size), term.width.of(size.width), term.height.of(size.height))


@_term.register
def _(term: sh.Ellipse, source: MaskSource) -> Patch:
    size = source.size
    return draw.ellipse(size, *_point(term.centre, size), term.across.of(size.width), term.down.of(size.height))


@_term.register
def _(term: sh.Polygon, source: MaskSource) -> Patch:
    return draw.polygon(source.size, [_point(point, source.size) for point in term.points])


@_term.register
def _(term: sh.Brush, source: MaskSource) -> Patch:
    points = [_point(point, source.size) for point in term.points]
    return draw.stroke(source.size, points, term.size.of(min(source.size)), soft=term.soft)


@_term.register
def _(term: sh.Colour, source: MaskSource) -> Patch:
    return _whole(select.by_colour(_picture(source, term.word), term.rgb, term.tolerance))


@_term.register
def _(term: sh.Flood, source: MaskSource) -> Patch:
    x, y = (int(np.floor(value)) for value in _point(term.start, source.size))
    return _whole(select.flood(_picture(source, term.word), x, y, term.tolerance))


@_term.register
def _(term: sh.File, source: MaskSource) -> Patch:
    return _whole(mask_of_file(source.folder / term.path, term, source.size, fit=source.fit))


@_term.register
def _(term: ex.Not, source: MaskSource) -> Patch:
    return _whole(ops.invert(full(_term(term.term, source), source.size)))


@_term.register
def _(term: ex.Expression, source: MaskSource) -> Patch:
    mask = render(term, source)
    box = bounds(mask)
    return Patch(box, mask[box.slices])


def _picture(source: MaskSource, word: str) -> RGB:
    if source.picture is None:
        raise PictureError(f"the mask asks for {word}, which needs a picture to look at")
    return source.picture


@singledispatch
def _filter(step: ex.Filter, _mask: Mask) -> Mask:
    """The mask after one filter; per cent are of the shorter side."""
    raise TypeError(f"no rule applies {type(step).__name__}")


@_filter.register
def _(step: ex.Expand, mask: Mask) -> Mask:
    return ops.expand(mask, step.radius.of(min(size_of(mask))))


@_filter.register
def _(step: ex.Shrink, mask: Mask) -> Mask:
    return ops.shrink(mask, step.radius.of(min(size_of(mask))))


@_filter.register
def _(step: ex.Feather, mask: Mask) -> Mask:
    return ops.feather(mask, step.radius.of(min(size_of(mask))), step.side)


@_filter.register
def _(_: ex.Invert, mask: Mask) -> Mask:
    return ops.invert(mask)


@_filter.register
def _(_: ex.FillHoles, mask: Mask) -> Mask:
    return ops.fill_holes(mask)


@_filter.register
def _(step: ex.DropSpecks, mask: Mask) -> Mask:
    return ops.drop_specks(mask, step.length.of(min(size_of(mask))))


@_filter.register
def _(step: ex.Threshold, mask: Mask) -> Mask:
    return ops.threshold(mask, step.level)
