"""The report before a run names what will really change."""

import numpy as np
import pytest

from retouch.geometry import Box, Size
from retouch.mask import describe
from retouch.work_area import WorkArea, plan
from retouch_models.manifest import SizeSpec

SIZES = SizeSpec(native=256, multiple=64, minimum=128, maximum=512)


def test_a_single_pixel_is_reported_with_its_whole_cell() -> None:
    mask = np.zeros((256, 256), np.float32)
    mask[100, 37] = 1
    report = describe(mask, plan(mask, WorkArea(max_zoom=1), SIZES), 8)
    assert (report.area_px, report.soft_px, report.box) == (1, 0, Box(37, 100, 38, 101))
    (region,) = report.regions
    assert (region.cells, region.cells_in_all) == (1, 32 * 32)
    expected = np.zeros((256, 256), np.float32)
    expected[96:104, 32:40] = 1
    np.testing.assert_array_equal(report.effective, expected)


@pytest.mark.parametrize("size", [Size(1500, 900), Size(90, 70), Size(700, 100)], ids=str)
def test_the_effective_mask_holds_the_mask(size: Size) -> None:
    mask = np.zeros((size.height, size.width), np.float32)
    mask[5:30, 5:40] = 0.5
    mask[-20:-5, -60:-30] = 1
    report = describe(mask, plan(mask, WorkArea(), SIZES), 8)
    assert (report.effective[mask > 0] == 1).all()
    assert report.area_px == 25 * 35 + 15 * 30
    assert report.soft_px == 25 * 35
    assert report.percent == pytest.approx(100 * report.area_px / size.area)
    for region in report.regions:
        assert region.crop.contains(region.box)
        assert 0 < region.cells <= region.cells_in_all


def test_the_lines_tell_a_person_the_same() -> None:
    mask = np.zeros((2000, 3000), np.float32)
    mask[100:150, 100:150] = mask[1800:1850, 2800:2850] = 1
    report = describe(mask, plan(mask, WorkArea(), SIZES), 8)
    head, *regions = report.lines()
    assert "5000 pixels (0.08 % of 3000x2000)" in head
    assert "soft" not in head
    assert len(regions) == 2
    assert "mask in 100,100 50x50; shown 61,61 128x128 at 256x256" in regions[0]
