"""Mask expressions of every kind, in the form that parsing gives."""

from pathlib import PurePath

from hypothesis import strategies as st

from retouch.mask import expression as ex
from retouch.mask import shapes as sh

_decimals = st.integers(-99999, 99999).map(lambda value: value / 100)
_colours = st.builds(sh.Colour, st.tuples(*[st.integers(0, 255)] * 3), st.integers(0, 255))
_paths = st.text(st.characters(exclude_characters="\n\0/", exclude_categories=["Cs"]), min_size=1, max_size=9).map(
    PurePath
)
_signs = st.sampled_from(["+", "-", "&"])


@st.composite
def lengths(draw: st.DrawFn, least: float = -1000) -> sh.Length:
    """Pixels or per cent."""
    return sh.Length(max(least, draw(_decimals)) + 0.0, draw(st.booleans()))


@st.composite
def points(draw: st.DrawFn) -> sh.Point:
    """Places in and around a picture."""
    return sh.Point(draw(lengths()), draw(lengths()))


_radii = lengths(least=0)
_several = st.lists(points(), min_size=3, max_size=5).map(tuple)
_shapes = st.one_of(
    st.sampled_from([sh.All(), sh.Nothing(), sh.Transparent()]),
    st.builds(sh.Rectangle, points(), _radii, _radii),
    st.builds(sh.Ellipse, points(), _radii, _radii),
    st.builds(sh.Polygon, _several),
    st.builds(sh.Brush, _radii, _several, st.booleans()),
    _colours,
    st.builds(sh.Flood, points(), st.integers(0, 255)),
    st.builds(sh.File, _paths, st.sampled_from(["auto", "grey", "alpha"])),
    st.builds(sh.File, _paths, st.just("colour"), _colours),
)
_filters = st.one_of(
    st.builds(ex.Expand, _radii),
    st.builds(ex.Shrink, _radii),
    st.builds(ex.Feather, _radii, st.sampled_from(["in", "out", "both"])),
    st.sampled_from([ex.Invert(), ex.FillHoles()]),
    st.builds(ex.DropSpecks, _radii),
    st.builds(ex.Threshold, st.integers(1, 1000).map(lambda value: value / 1000)),
)


@st.composite
def terms(draw: st.DrawFn, depth: int = 2) -> ex.Term:
    """Shapes, inverted terms, and brackets with at least one step."""
    kind = draw(st.sampled_from(["shape", "shape", "not", "brackets"])) if depth else "shape"
    if kind == "not":
        return ex.Not(draw(terms(depth - 1)))
    if kind == "brackets":
        return draw(expressions(depth - 1, least=1))
    return draw(_shapes)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2, least: int = 0) -> ex.Expression:
    """A term that is not in brackets, and steps."""
    first = draw(terms(depth).filter(lambda term: not isinstance(term, ex.Expression)))
    steps: list[ex.Step] = []
    for _ in range(draw(st.integers(least, 3))):
        join = draw(st.booleans())
        steps.append(ex.Join(draw(_signs), draw(terms(depth))) if join else draw(_filters))
    return ex.Expression(first, tuple(steps))
