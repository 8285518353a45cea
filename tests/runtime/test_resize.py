"""Changing the canvas never changes a pixel that stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retouch.errors import PictureError, UnknownName
from retouch.geometry import Box, Size
from retouch.resize import ANCHORS, Margins, closest_valid_size, crop_to_grid, resize_canvas


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


@settings(deadline=None, max_examples=60)
@given(*[st.integers(-9, 20)] * 4)
def test_old_pixels_stay_and_the_mask_is_the_new_space(left: int, top: int, right: int, bottom: int) -> None:
    picture = noise(24, 20)
    canvas = resize_canvas(picture, None, Margins(left=left, top=top, right=right, bottom=bottom))
    size = Size(24 + left + right, 20 + top + bottom)
    assert canvas.pixels.shape == (size.height, size.width, 3)
    source = canvas.old.shift(-left, -top)
    np.testing.assert_array_equal(canvas.pixels[canvas.old.slices], picture[source.slices])
    assert canvas.mask[canvas.old.slices].sum() == 0
    assert canvas.mask.sum() == size.area - canvas.old.area
    np.testing.assert_array_equal(canvas.alpha == 0, canvas.mask == 1)


def test_growing_and_cutting_again_is_the_identity() -> None:
    picture = noise(31, 17)
    grown = resize_canvas(picture, None, Margins(left=5, top=4, right=3, bottom=2))
    back = resize_canvas(grown.pixels, grown.alpha, Margins(left=-5, top=-4, right=-3, bottom=-2))
    np.testing.assert_array_equal(back.pixels, picture)
    assert (back.alpha == 255).all()


def test_one_side_can_be_cut_while_another_grows() -> None:
    picture = noise(20, 10)
    canvas = resize_canvas(picture, None, Margins.of(Size(20, 10), left="-25%", right="50%", top=2))
    assert canvas.old == Box(0, 2, 15, 12)
    np.testing.assert_array_equal(canvas.pixels[canvas.old.slices], picture[:, 5:])


@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize("target", [Size(33, 40), Size(5, 4)], ids=["grow", "crop"])
def test_a_target_size_is_reached_from_every_anchor(anchor: str, target: Size) -> None:
    picture = noise(20, 11)
    canvas = resize_canvas(picture, None, Margins.to(Size(20, 11), target, anchor))
    assert canvas.pixels.shape[:2] == (target.height, target.width)
    margins = Margins.to(Size(20, 11), target, anchor)
    if "left" in anchor:
        assert margins.left == 0
    elif "right" in anchor:
        assert margins.right == 0
    else:
        assert abs(margins.left - margins.right) <= 1


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([1, 8, 64]))
def test_cropping_to_the_grid_takes_the_largest_size_on_it(width: int, height: int, multiple: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    if min(width, height) < multiple:
        with pytest.raises(PictureError, match="smaller than one step"):
            crop_to_grid(picture, None, multiple)
        return
    canvas = crop_to_grid(picture, None, multiple)
    new = Size(canvas.pixels.shape[1], canvas.pixels.shape[0])
    assert new == closest_valid_size(Size(width, height), multiple)
    for side, old in zip(new, (width, height), strict=True):
        assert side % multiple == 0
        assert side <= old < side + multiple
    assert canvas.mask.sum() == 0


@pytest.mark.parametrize(
    "margins",
    [
        Margins(left=-20),
        Margins(left=-30, right=40),
        Margins(top=-5, bottom=-5),
        Margins(right=1 << 20, bottom=1 << 20),
    ],
    ids=["nothing left", "only new space", "no rows", "too large"],
)
def test_impossible_canvases_are_refused(margins: Margins) -> None:
    with pytest.raises(PictureError):
        resize_canvas(noise(20, 10), None, margins)


def test_an_unknown_anchor_gets_a_hint() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'top-left'"):
        Margins.to(Size(2, 2), Size(3, 3), "topleft")
