"""The crop shows the whole mask with its surroundings, in a size that the model takes, without losing any of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.arrays import Mask
from retouch.errors import PictureError, UsageError
from retouch.geometry import Box, Size
from retouch.regions import DETAIL_LOSS, MOST_AREAS, MOST_REGIONS, bounds, split
from retouch.request import InpaintRequest
from retouch.work_area import PADDING_PX, SHARE, Region, WorkArea, plan, work_area_of, work_sizes
from retouch_models.manifest import SizeSpec

SMALL = SizeSpec(native=256, multiple=64, minimum=128, maximum=512)
LARGE = SizeSpec(native=512, multiple=8, minimum=256, maximum=1024)
SQUARE = SizeSpec(native=256, multiple=256, minimum=256, maximum=256)


def painted(size: Size, *boxes: Box) -> Mask:
    mask = np.zeros((size.height, size.width), np.float32)
    for box in boxes:
        mask[box.slices] = 1
    return mask


def together(regions: tuple[Region, ...], size: Size) -> Mask:
    """The regions' masks put back where they lie, added."""
    total = np.zeros((size.height, size.width), np.float32)
    for region in regions:
        crop = region.placement.crop
        inside = crop.clamp(size)
        total[inside.slices] += region.mask[inside.shift(-crop.left, -crop.top).slices]
    return total


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    size = Size(draw(st.integers(1, 700)), draw(st.integers(1, 700)))
    mask = np.zeros((size.height, size.width), np.float32)
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(st.integers(0, size.width - 1)), draw(st.integers(0, size.height - 1))
        value = draw(st.sampled_from([0.2, 1.0]))
        mask[y : y + draw(st.integers(1, 200)), x : x + draw(st.integers(1, 200))] = value
    return mask


@settings(deadline=None, max_examples=80)
@given(masks(), st.sampled_from([SMALL, LARGE, SQUARE]), st.sampled_from(["auto", "one"]))
def test_regions_are_the_mask_and_every_crop_suits_the_model(mask: Mask, sizes: SizeSpec, regions: str) -> None:
    size = Size(mask.shape[1], mask.shape[0])
    found = plan(mask, WorkArea(regions="one" if regions == "one" else "auto"), sizes)
    np.testing.assert_array_equal(together(found, size), mask)
    for region in found:
        crop, work = region.placement.crop, region.placement.work
        assert region.mask.shape == (crop.height, crop.width)
        assert all(side % sizes.multiple == 0 and sizes.minimum <= side <= sizes.maximum for side in work)
        # one scale for both axes, to the rounding of the crop to whole pixels (and of the quotients)
        assert abs(crop.width / work.width - crop.height / work.height) <= 0.5001 / min(work)
        box = bounds(region.mask)
        around = box.pad(PADDING_PX).shift(crop.left, crop.top).clamp(size)
        assert crop.contains(around)


@settings(deadline=None, max_examples=60)
@given(masks())
def test_a_crop_overhangs_only_a_picture_that_no_shape_of_the_model_fits(mask: Mask) -> None:
    size = Size(mask.shape[1], mask.shape[0])
    for region in plan(mask, WorkArea(), SMALL):
        crop = region.placement.crop
        if max(size) <= 2 * min(size) and min(size) >= SMALL.native:
            outside = 1 - crop.clamp(size).area / crop.area
            assert outside <= 0.15  # the shapes of the grid are a third of an octave apart


@pytest.mark.parametrize(
    ("box", "crop_side"),
    [
        (Box(2000, 1000, 2010, 1010), 128),
        (Box(2000, 1000, 2100, 1100), 164),
        (Box(2000, 1000, 2150, 1150), 256),
        (Box(2000, 1000, 2600, 1600), 900),
    ],
    ids=["a speck is enlarged twice, not more", "padding rules", "unscaled is near", "two thirds rule"],
)
def test_how_much_of_a_large_photo_is_shown(box: Box, crop_side: int) -> None:
    (region,) = plan(painted(Size(6000, 4000), box), WorkArea(), SMALL)
    assert region.placement.work == Size(256, 256)
    assert region.placement.crop.size == Size(crop_side, crop_side)
    assert region.placement.crop.shift(-box.left, -box.top).contains(Box.of(box.size))
    assert box.width / crop_side <= SHARE or box.width + 2 * PADDING_PX <= crop_side


def test_a_given_padding_is_taken_as_it_is() -> None:
    mask = painted(Size(2000, 2000), Box(500, 500, 1100, 1100))
    (region,) = plan(mask, WorkArea(padding_px=10), SMALL)
    assert region.placement.crop == Box(490, 490, 1110, 1110)


def test_never_enlarging_takes_the_native_size() -> None:
    mask = painted(Size(2000, 2000), Box(500, 500, 510, 510))
    (region,) = plan(mask, WorkArea(max_zoom=1.0), SMALL)
    assert region.placement.crop.size == region.placement.work == Size(256, 256)


def test_a_target_size_is_taken() -> None:
    mask = painted(Size(2000, 2000), Box(500, 500, 900, 600))
    (region,) = plan(mask, WorkArea(target=Size(512, 192)), SMALL)
    assert region.placement.work == Size(512, 192)


def test_a_wide_picture_is_shown_whole_in_a_wide_shape() -> None:
    (region,) = plan(painted(Size(2000, 1000), Box(0, 0, 9, 9)), WorkArea(kind="picture"), SMALL)
    assert region.placement.crop == Box(0, 0, 2000, 1000)
    assert region.placement.work == Size(384, 192)


def test_outside_a_given_box_nothing_is_repainted() -> None:
    mask = painted(Size(600, 600), Box(0, 0, 600, 600))
    box = Box(100, 100, 300, 250)
    (region,) = plan(mask, WorkArea(kind="box", box=box), SMALL)
    np.testing.assert_array_equal(together((region,), Size(600, 600)), painted(Size(600, 600), box))
    assert region.placement.crop.contains(box)


def test_far_areas_are_run_apart_and_near_ones_together() -> None:
    near = painted(Size(3000, 2000), Box(100, 100, 150, 150), Box(200, 100, 260, 150))
    assert len(plan(near, WorkArea(), SMALL)) == 1
    far = painted(Size(3000, 2000), Box(100, 100, 150, 150), Box(2800, 1800, 2860, 1850))
    assert len(plan(far, WorkArea(), SMALL)) == 2
    assert len(plan(far, WorkArea(regions="one"), SMALL)) == 1
    assert len(plan(near, WorkArea(regions="each"), SMALL)) == 2


def test_a_neighbours_area_in_the_crop_is_not_this_regions() -> None:
    mask = painted(Size(3000, 2000), Box(100, 100, 150, 150), Box(170, 100, 230, 150))
    left, right = plan(mask, WorkArea(regions="each"), SMALL)
    assert left.placement.crop.intersect(Box(170, 100, 230, 150)).area > 0
    assert left.mask.sum() == 50 * 50
    assert right.mask.sum() == 60 * 50


def test_joining_areas_keeps_their_detail() -> None:
    rng = np.random.default_rng(5)
    corners = rng.integers(0, 3900, (20, 2)).tolist()
    mask = painted(Size(4000, 4000), *(Box.at(x, y, Size(60, 60)) for x, y in corners))
    areas = split(mask, "auto", near_px=32, native=256)
    assert len(areas) <= MOST_REGIONS
    few = painted(Size(4000, 4000), *(Box.at(x, y, Size(60, 60)) for x, y in corners[:MOST_REGIONS]))
    for area in split(few, "auto", near_px=32, native=256):
        assert max(area.box.size) <= DETAIL_LOSS * 256


def test_a_dust_of_specks_is_joined_for_auto_and_refused_for_each() -> None:
    mask = np.zeros((900, 900), np.float32)
    mask[::90, ::90] = 1
    assert 1 <= len(split(mask, "auto", near_px=8, native=256)) <= MOST_REGIONS
    with pytest.raises(UsageError, match=f"100 separate areas, at most {MOST_AREAS}"):
        split(mask, "each", near_px=8, native=256)


def test_an_empty_mask_is_refused() -> None:
    empty = np.zeros((50, 50), np.float32)
    for area in (WorkArea(), WorkArea(kind="picture")):
        with pytest.raises(PictureError, match="empty"):
            plan(empty, area, SMALL)
    with pytest.raises(PictureError, match="inside the box"):
        plan(painted(Size(50, 50), Box(0, 0, 9, 9)), WorkArea(kind="box", box=Box(20, 20, 40, 40)), SMALL)


@pytest.mark.parametrize(
    "area",
    [
        WorkArea(padding_px=-1),
        WorkArea(max_zoom=0.5),
        WorkArea(max_zoom=float("nan")),
        WorkArea(kind="box"),
        WorkArea(kind="box", box=Box(60, 0, 90, 30)),
        WorkArea(target=Size(200, 256)),
        WorkArea(target=Size(1024, 256)),
    ],
    ids=["padding", "zoom", "nan", "no box", "box outside", "off the grid", "too large"],
)
def test_options_that_cannot_be_followed_are_refused(area: WorkArea) -> None:
    with pytest.raises(UsageError):
        plan(np.ones((50, 50), np.float32), area, SMALL)


@pytest.mark.parametrize(
    ("request_", "area"),
    [
        (InpaintRequest(), WorkArea()),
        (InpaintRequest(area="picture", regions="one"), WorkArea(kind="picture", regions="one")),
        (
            InpaintRequest(area="40,60 200x100", padding=0, work_size=(512, 256)),
            WorkArea(kind="box", box=Box(40, 60, 240, 160), padding_px=0, target=Size(512, 256)),
        ),
    ],
    ids=["defaults", "picture", "box"],
)
def test_a_request_names_its_work_area(request_: InpaintRequest, area: WorkArea) -> None:
    assert work_area_of(request_) == area


def test_an_area_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match="such as"):
        work_area_of(InpaintRequest(area="somewhere"))


def test_a_huge_padding_joins_all_and_shows_the_picture() -> None:
    mask = painted(Size(3000, 2000), Box(0, 0, 9, 9), Box(2990, 1990, 3000, 2000))
    (region,) = plan(mask, WorkArea(padding_px=8192), SMALL)
    assert region.placement.crop == Box(0, 0, 3000, 2000)


@pytest.mark.parametrize("sizes", [SMALL, LARGE, SQUARE, replace(LARGE, native=1024, maximum=2048)], ids=str)
def test_work_sizes_lie_on_the_grid_and_the_native_square_comes_first(sizes: SizeSpec) -> None:
    found = work_sizes(sizes)
    assert found[0] == Size(sizes.native, sizes.native)
    for size in found:
        assert all(side % sizes.multiple == 0 and sizes.minimum <= side <= sizes.maximum for side in size)
        assert max(size) <= 2 * min(size)
