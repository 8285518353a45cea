"""Shapes cover the pixels whose middles they hold, and steps do to a mask what they say."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from retouch.arrays import Mask
from retouch.errors import PictureError, RetouchError
from retouch.geometry import Size
from retouch.mask import MaskSource, change, draw, ops, parse, render
from retouch.mask.expression import Expression, Join
from support.mask_expressions import expressions

SIZE = Size(40, 30)


def picture() -> np.ndarray:
    """Left half dark red, right half blue, with one green pixel in the blue."""
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[:, :20] = (120, 0, 0)
    pixels[:, 20:] = (0, 0, 200)
    pixels[10, 30] = (0, 255, 0)
    return pixels


def drawn(text: str, size: Size = SIZE) -> Mask:
    return render(parse(text), MaskSource(size=size, picture=picture()))


def middles(size: Size = SIZE) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(size.width) + 0.5, np.arange(size.height) + 0.5)


def test_a_rectangle_is_its_pixels() -> None:
    expected = np.zeros((30, 40), np.float32)
    expected[3:8, 2:6] = 1
    np.testing.assert_array_equal(drawn("rect 2,3 4x5"), expected)
    np.testing.assert_array_equal(drawn("poly 2,3 6,3 6,8 2,8"), expected)
    np.testing.assert_array_equal(drawn("rect 5%,10% 10%x5"), expected)


def test_an_ellipse_holds_the_middles_inside_it() -> None:
    x, y = middles()
    expected = ((x - 12) / 7.3) ** 2 + ((y - 9.5) / 4.2) ** 2 <= 1
    np.testing.assert_array_equal(drawn("ellipse 12,9.5 7.3,4.2"), expected)


def test_a_pen_covers_what_is_within_half_its_width() -> None:
    x, y = middles()
    ends = np.array([[5.0, 6.0], [25.0, 14.0], [10.0, 40.0]])
    distance = np.full(x.shape, np.inf)
    for start, end in pairwise(ends):
        along = ((x - start[0]) * (end - start)[0] + (y - start[1]) * (end - start)[1]) / ((end - start) ** 2).sum()
        along = np.clip(along, 0, 1)
        nearest = start[0] + along * (end - start)[0], start[1] + along * (end - start)[1]
        distance = np.minimum(distance, np.hypot(x - nearest[0], y - nearest[1]))
    np.testing.assert_array_equal(drawn("brush 7 5,6 25,14 10,40"), distance <= 3.5)
    soft = drawn("brush 7 soft 5,6 25,14 10,40")
    # float32 holds values near 1 to 6e-8
    np.testing.assert_allclose(soft, np.clip(2 - distance / 1.75, 0, 1), rtol=0, atol=1e-7)


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.floats(-40, 440)] * 4), st.floats(1, 60), st.booleans())
def test_a_long_line_is_drawn_in_pieces_that_hold_all_of_it(
    ends: tuple[float, float, float, float], width: float, soft: bool
) -> None:
    size = Size(400, 400)
    line = np.array(ends).reshape(2, 2)
    x, y = middles(size)
    way = line[1] - line[0]
    length = float((way**2).sum())
    along = np.clip(((x - line[0, 0]) * way[0] + (y - line[0, 1]) * way[1]) / length, 0, 1) if length else 0.0
    distance = np.hypot(x - line[0, 0] - along * way[0], y - line[0, 1] - along * way[1])
    expected = np.clip(2 - 2 * distance / (width / 2), 0, 1) if soft else distance <= width / 2
    pieces = list(draw.stroke_parts(size, [(ends[0], ends[1]), (ends[2], ends[3])], width, soft=soft))
    whole = np.zeros((400, 400), np.float32)
    for piece in pieces:
        np.maximum(whole[piece.box.slices], piece.mask, out=whole[piece.box.slices])
    # the same distances in another order of sums; a hard edge may fall either way where they meet it exactly
    near = np.abs(distance - width / 2) < 1e-9
    np.testing.assert_allclose(whole[~near], expected[~near], rtol=0, atol=1e-6)
    along_line = np.abs(way).max() + width + draw.SLAB_PX
    assert sum(piece.box.area for piece in pieces) <= along_line * (3 * width + 2 * draw.SLAB_PX + 8)


def test_a_polygon_is_filled_by_the_even_odd_rule() -> None:
    ring = drawn("poly 0,0 20,0 20,20 0,20 0,0 5,5 15,5 15,15 5,15 5,5")
    np.testing.assert_array_equal(ring, drawn("rect 0,0 20x20 - rect 5,5 10x10"))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-60, 100), st.integers(-60, 100)), min_size=3, max_size=7))
def test_polygon_and_its_reverse_agree_and_triangles_match_half_planes(points: list[tuple[int, int]]) -> None:
    # quarters of a pixel beside the middles: no middle lies on an edge that ends on the lattice only by chance
    shifted = [(x + 0.17, y + 0.31) for x, y in points]
    there = drawn("poly " + " ".join(f"{x},{y}" for x, y in shifted))
    back = drawn("poly " + " ".join(f"{x},{y}" for x, y in reversed(shifted)))
    np.testing.assert_array_equal(there, back)
    if len(points) == 3:
        x, y = middles()
        sides = []
        for (x0, y0), (x1, y1) in zip(shifted, shifted[1:] + shifted[:1], strict=True):
            sides.append((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0))
        clear = np.min(np.abs(sides), axis=0) > 1e-6
        inside = (np.min(sides, axis=0) > 0) | (np.max(sides, axis=0) < 0)
        np.testing.assert_array_equal(there[clear] > 0, inside[clear])


@pytest.mark.parametrize("text", ["brush 0 3,3", "brush 1 10,10", "rect 3,3 0.01x20", "brush 0.1 5,5 5.1,5"])
def test_the_finest_stroke_marks_something(text: str) -> None:
    assert drawn(text).sum() >= 1


@pytest.mark.parametrize(
    "text",
    ["rect 99,99 5x5", "ellipse -50,-50 5,5", "poly 100,0 110,0 110,10", "brush 5 -90,-90 -80,-99", "ellipse 5,5 0,9"],
)
def test_what_lies_outside_marks_nothing(text: str) -> None:
    assert drawn(text).sum() == 0


def test_colours_and_floods() -> None:
    red = np.zeros((30, 40), np.float32)
    red[:, :20] = 1
    np.testing.assert_array_equal(drawn("color #780000 0"), red)
    np.testing.assert_array_equal(drawn("color #700008 8"), red)
    assert drawn("color #700008 7").sum() == 0
    np.testing.assert_array_equal(drawn("flood 0,0 10"), red)
    blue = drawn("flood 39,29 0")
    assert blue.sum() == 30 * 20 - 1
    assert blue[10, 30] == 0


def test_transparency_is_the_mask_of_an_outpainting() -> None:
    alpha = np.full((30, 40), 255, np.uint8)
    alpha[:, 30:], alpha[0, 0] = 0, 204
    mask = render(parse("alpha"), MaskSource(size=SIZE, alpha=alpha))
    assert mask[:, 30:].min() == 1
    assert mask[0, 0] == np.float32(0.2)
    with pytest.raises(PictureError, match="no transparency"):
        drawn("alpha")


def test_signs_and_filters_act_from_left_to_right() -> None:
    left, right = drawn("rect 0,0 20x30"), drawn("rect 10,0 20x30")
    np.testing.assert_array_equal(drawn("rect 0,0 20x30 + rect 10,0 20x30"), ops.union(left, right))
    np.testing.assert_array_equal(drawn("rect 0,0 20x30 - rect 10,0 20x30"), ops.subtract(left, right))
    np.testing.assert_array_equal(drawn("rect 0,0 20x30 & rect 10,0 20x30"), ops.intersect(left, right))
    np.testing.assert_array_equal(drawn("all - rect 0,0 20x30 + rect 0,0 20x30"), np.ones((30, 40)))
    np.testing.assert_array_equal(drawn("all - (rect 0,0 20x30 + all)"), np.zeros((30, 40)))
    np.testing.assert_array_equal(drawn("invert rect 0,0 20x30"), 1 - left)
    np.testing.assert_array_equal(drawn("rect 0,0 20x30 | expand 10%"), ops.expand(left, 3))
    np.testing.assert_array_equal(
        drawn("rect 5,5 9x9 + rect 20,5 2x2 | drop-specks 5 | feather 4 both; threshold 0.5 | shrink 1"),
        ops.shrink(ops.threshold(ops.feather(drawn("rect 5,5 9x9"), 4, "both"), 0.5), 1),
    )


def test_files_are_read_from_the_folder_by_brightness_opacity_or_key_colour(tmp_path: Path) -> None:
    marked = np.zeros((30, 40), np.uint8)
    marked[4:9, 5:20] = 255
    marked[0, 0] = 51
    Image.fromarray(marked).save(tmp_path / "grey.png")
    layer = np.zeros((30, 40, 4), np.uint8)
    layer[..., 3] = marked
    Image.fromarray(layer).save(tmp_path / "layer.png")
    keyed = np.zeros((30, 40, 3), np.uint8)
    keyed[marked == 255] = (0, 0, 255)
    Image.fromarray(keyed).save(tmp_path / 'key "blue".png')
    source = MaskSource(size=SIZE, folder=tmp_path)
    expected = marked / np.float32(255)
    for text in ('file "grey.png"', 'file "grey.png" grey', 'file "layer.png" alpha', 'file "layer.png"'):
        np.testing.assert_allclose(render(parse(text), source), expected, rtol=0, atol=1e-7, err_msg=text)
    whole = render(parse(f'file "{(tmp_path / "grey.png").as_posix()}"'), MaskSource(size=SIZE))
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-7)
    key = render(parse('file "key \\"blue\\".png" color #0000ff 0'), source)
    np.testing.assert_array_equal(key, marked == 255)
    with pytest.raises(PictureError, match="stretch"):
        render(parse('file "grey.png" grey'), MaskSource(size=Size(50, 50), folder=tmp_path))
    fitted = render(parse('file "grey.png" grey'), MaskSource(size=Size(80, 60), folder=tmp_path, fit=True))
    assert fitted.shape == (60, 80)
    with pytest.raises(PictureError, match="no transparency"):
        render(parse('file "grey.png" alpha'), source)
    with pytest.raises(RetouchError):
        render(parse('file "missing.png"'), source)


@settings(deadline=None, max_examples=80)
@given(expressions(), st.sampled_from([Size(1, 1), Size(40, 30), Size(7, 50)]))
def test_rendering_stays_in_range_or_says_why_not(expression: Expression, size: Size) -> None:
    source = MaskSource(size=size, picture=np.zeros((size.height, size.width, 3), np.uint8), folder=Path("nowhere"))
    try:
        mask = render(expression, source)
    except RetouchError:
        return
    assert mask.shape == (size.height, size.width)
    assert mask.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() <= 1
    np.testing.assert_array_equal(mask, render(expression, source))


STROKES = (
    "+ brush 9 5,5 20,12",
    "- ellipse 12,8 4,3",
    "+ rect 20,10 15x15",
    "& rect 4,4 30x22",
    "| feather 3",
    "+ all",
)


def test_steps_one_by_one_give_the_whole_and_leave_the_mask_alone() -> None:
    source = MaskSource(size=SIZE)
    mask = np.zeros((30, 40), np.float32)
    for count, line in enumerate(STROKES, start=1):
        (step,) = parse(f"none {line}").steps
        before = mask.copy()
        patch = change(mask, step, source)
        np.testing.assert_array_equal(mask, before)
        assert patch.mask.shape == (patch.box.height, patch.box.width)
        mask[patch.box.slices] = patch.mask
        np.testing.assert_array_equal(mask, render(parse("\n".join(STROKES[:count])), source))


def test_a_stroke_on_a_large_picture_touches_only_its_own_box() -> None:
    source = MaskSource(size=Size(6000, 4000))
    (step,) = parse("none + brush 40 100,100 180,160").steps
    assert isinstance(step, Join)
    patch = change(np.zeros((4000, 6000), np.float32), step, source)
    assert patch.box.size == Size(120, 100)
