"""Boxes keep their laws: grow without losing, shift without cutting, clamp inside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.errors import UsageError
from retouch.geometry import Box, Size, length_px

sides = st.integers(1, 300)
sizes = st.builds(Size, sides, sides)
boxes = st.builds(lambda left, top, size: Box.at(left, top, size), st.integers(-99, 300), st.integers(-99, 300), sizes)


@settings(deadline=None)
@given(boxes, sizes)
def test_shifting_into_a_picture_keeps_the_size_and_overhangs_only_what_is_too_long(box: Box, picture: Size) -> None:
    moved = box.shift_into(picture)
    assert moved.size == box.size
    inside = moved.clamp(picture)
    assert inside.size == Size(min(box.width, picture.width), min(box.height, picture.height))


@settings(deadline=None)
@given(boxes, sizes)
def test_growing_to_an_aspect_keeps_the_box_inside_and_the_shape_within_a_pixel(box: Box, aspect: Size) -> None:
    grown = box.grow_to_aspect(aspect)
    assert grown.contains(box)
    assert grown.width == box.width or grown.height == box.height
    assert (
        abs(grown.width - grown.height * aspect.width / aspect.height) <= 0.5
        or abs(grown.height - grown.width * aspect.height / aspect.width) <= 0.5
    )


@settings(deadline=None)
@given(boxes, boxes)
def test_union_contains_both_and_intersection_is_in_both(one: Box, two: Box) -> None:
    assert one.union(two).contains(one)
    assert one.union(two).contains(two)
    shared = one.intersect(two)
    assert one.contains(shared)
    assert two.contains(shared)
    assert one.area + two.area - shared.area <= one.union(two).area


@settings(deadline=None)
@given(boxes, st.integers(0, 50))
def test_padding_and_shrinking_undo_each_other(box: Box, pixels: int) -> None:
    assert box.pad(pixels).pad(-pixels) == box


@settings(deadline=None)
@given(boxes)
def test_a_box_reads_back_as_written(box: Box) -> None:
    assert Box.parse(str(box)) == box
    assert Size.parse(str(box.size)) == box.size


def test_scaling_covers_every_touched_pixel() -> None:
    assert Box(1, 1, 3, 3).scaled(Size(10, 10), Size(5, 20)) == Box(0, 2, 2, 6)


def test_slices_select_the_boxs_pixels() -> None:
    grid = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(grid[Box(1, 0, 3, 2).slices], [[1, 2], [5, 6]])


@pytest.mark.parametrize(
    ("length", "pixels"),
    [("128", 128), ("128px", 128), ("25%", 50), (" 12.5 % ", 25), ("-10%", -20), (7, 7), ("0", 0)],
)
def test_lengths_are_pixels_or_per_cent(length: str | float, pixels: int) -> None:
    assert length_px(length, 200) == pixels


@pytest.mark.parametrize("text", ["", "%", "ten", "nan", "inf", "1e99", "12em", "--3", "nan%"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="per cent"):
        length_px(text, 200)


@pytest.mark.parametrize("text", ["", "1,2", "1,2 3", "a,b 3x4", "1,2 0x4", "1,2 3x4 5", "1,2,3,4"])
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as"):
        Box.parse(text)
