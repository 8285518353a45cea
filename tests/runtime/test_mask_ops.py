"""The algebra of masks, against definitions written out pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from retouch.arrays import Mask
from retouch.errors import UsageError
from retouch.mask import ops
from retouch.mask.dilate import dilate_grey
from retouch.regions import bounds

STEP = 1e-4
"""Soft values are compared in steps of 1/65535 while they grow; float32 rounding is smaller still."""

shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=18)
binary = hnp.arrays(np.float32, shapes, elements=st.sampled_from([0.0, 1.0]))
soft = hnp.arrays(np.float32, shapes, elements=st.sampled_from([0.0, 0.0, 0.2, 0.5, 1 / 3, 1.0]))
radii = st.sampled_from([0.0, 0.7, 1.0, 1.5, 2.0, 3.3, 5.0, 40.0])


def pairwise(mask: Mask) -> np.ndarray:
    """Distances between the centres of all pixels, (H*W, H*W)."""
    rows, columns = np.indices(mask.shape)
    places = np.stack([rows.ravel(), columns.ravel()], axis=1)
    return np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))


def reference_expand(mask: Mask, radius: float) -> Mask:
    near = pairwise(mask) <= radius + 1e-6
    return np.where(near, mask.ravel()[None], 0).max(axis=1).reshape(mask.shape)


@settings(deadline=None)
@given(soft | binary, radii)
def test_expand_takes_the_largest_value_in_a_disc(mask: Mask, radius: float) -> None:
    np.testing.assert_allclose(ops.expand(mask, radius), reference_expand(mask, radius), rtol=0, atol=STEP)


@settings(deadline=None)
@given(binary, radii)
def test_both_ways_to_dilate_agree_on_binary_masks(mask: Mask, radius: float) -> None:
    np.testing.assert_array_equal(dilate_grey(mask, radius), ops.expand(mask, radius))


@settings(deadline=None)
@given(soft | binary, radii)
def test_shrinking_is_growing_the_rest(mask: Mask, radius: float) -> None:
    expected = 1 - reference_expand(1 - mask, radius)
    np.testing.assert_allclose(ops.shrink(mask, radius), expected, rtol=0, atol=STEP)


@settings(deadline=None)
@given(soft | binary, radii)
def test_growing_then_shrinking_loses_nothing(mask: Mask, radius: float) -> None:
    assert (ops.expand(mask, radius) >= mask).all()
    assert (ops.shrink(mask, radius) <= mask + STEP).all()
    assert (ops.shrink(ops.expand(mask, radius), radius) >= mask - STEP).all()


@settings(deadline=None)
@given(soft | binary, radii, st.sampled_from(["in", "out", "both"]))
def test_feathering_stays_on_its_side_of_the_edge(mask: Mask, radius: float, side: ops.Side) -> None:
    faded = ops.feather(mask, radius, side)
    assert faded.dtype == np.float32
    assert faded.min() >= 0
    assert faded.max() <= 1
    if side == "in":
        assert (faded <= mask).all()
        np.testing.assert_array_equal(faded > 0, mask > 0)
    if side == "out":
        np.testing.assert_array_equal(faded[mask > 0], mask[mask > 0])
        np.testing.assert_array_equal(faded[ops.expand(mask, radius + 1) == 0], 0)


def test_feathers_are_straight_ramps() -> None:
    mask = np.zeros((1, 20), np.float32)
    mask[:, 10:] = 1
    quarters = np.array([0.25, 0.5, 0.75], np.float32)
    np.testing.assert_allclose(ops.feather(mask, 3, "in")[0, 10:13], quarters, rtol=1e-6)
    np.testing.assert_allclose(ops.feather(mask, 3, "out")[0, 7:10], quarters, rtol=1e-6)
    both = ops.feather(mask, 4, "both")[0, 8:12]
    np.testing.assert_allclose(both, [0.125, 0.375, 0.625, 0.875], rtol=1e-6)
    half = np.where(mask > 0, np.float32(0.5), np.float32(0))
    np.testing.assert_allclose(ops.feather(half, 3, "out")[0, 7:10], quarters / 2, rtol=1e-6)


@settings(deadline=None)
@given(soft | binary)
def test_filling_holes_keeps_the_mask_and_leaves_no_hole(mask: Mask) -> None:
    filled = ops.fill_holes(mask)
    np.testing.assert_array_equal(filled[mask > 0], mask[mask > 0])
    np.testing.assert_array_equal(ops.fill_holes(filled), filled)
    assert filled.max() == mask.max()


def test_a_hole_takes_the_value_of_its_rim_and_a_bay_stays_open() -> None:
    mask = np.zeros((9, 20), np.float32)
    mask[1:8, 1:8] = 0.5
    mask[3:5, 3:5] = 0
    mask[2:9, 10:18] = 1
    mask[5:9, 12:14] = 0
    filled = ops.fill_holes(mask)
    assert (filled[3:5, 3:5] == 0.5).all()
    assert (filled[5:9, 12:14] == 0).all()


@settings(deadline=None)
@given(soft | binary, st.sampled_from([0, 1, 2, 3.5, 50]))
def test_dropping_specks_keeps_whole_areas(mask: Mask, length: float) -> None:
    cleaned = ops.drop_specks(mask, length)
    assert np.isin(cleaned, np.append(mask, 0)).all()
    np.testing.assert_array_equal(ops.drop_specks(cleaned, length), cleaned)
    np.testing.assert_array_equal(cleaned + ops.subtract(mask, (cleaned > 0).astype(np.float32)), mask)
    if length <= 1:
        np.testing.assert_array_equal(cleaned, mask)


def test_specks_are_measured_by_their_longest_side() -> None:
    mask = np.zeros((20, 20), np.float32)
    mask[2:4, 2:4] = 1
    mask[10, 3:9] = 1
    cleaned = ops.drop_specks(mask, 5)
    assert cleaned[2:4, 2:4].sum() == 0
    assert cleaned[10].sum() == 6


@settings(deadline=None)
@given(binary)
def test_laws_of_sets(mask: Mask) -> None:
    empty = np.zeros_like(mask)
    np.testing.assert_array_equal(ops.invert(ops.invert(mask)), mask)
    np.testing.assert_array_equal(ops.subtract(mask, mask), empty)
    np.testing.assert_array_equal(ops.union(mask, ops.invert(mask)), empty + 1)
    np.testing.assert_array_equal(ops.intersect(mask, ops.invert(mask)), empty)
    np.testing.assert_array_equal(ops.threshold(mask, 0.5), mask)


@settings(deadline=None)
@given(soft, st.sampled_from([0.1, 0.5, 1.0]))
def test_a_threshold_divides_at_its_level(mask: Mask, level: float) -> None:
    np.testing.assert_array_equal(ops.threshold(mask, level), (mask >= np.float32(level)).astype(np.float32))


@settings(deadline=None)
@given(soft | binary)
def test_bounds_hold_all_and_every_side_touches(mask: Mask) -> None:
    box = bounds(mask)
    assert np.count_nonzero(mask[box.slices]) == np.count_nonzero(mask)
    if not box.empty:
        part = mask[box.slices]
        assert all(edge.any() for edge in (part[0], part[-1], part[:, 0], part[:, -1]))


@settings(deadline=None)
@given(soft | binary, radii)
def test_no_operation_writes_into_its_argument(mask: Mask, radius: float) -> None:
    before = mask.copy()
    mask.setflags(write=False)
    results = [
        ops.expand(mask, radius),
        ops.shrink(mask, radius),
        *(ops.feather(mask, radius, side) for side in ("in", "out", "both")),
        ops.fill_holes(mask),
        ops.drop_specks(mask, radius),
        ops.invert(mask),
    ]
    for result in results:
        assert not np.shares_memory(result, mask)
        assert result.shape == mask.shape
        assert result.dtype == np.float32
    np.testing.assert_array_equal(mask, before)


@pytest.mark.parametrize("length", [-1.0, float("nan"), float("inf")], ids=str)
def test_impossible_lengths_are_refused(length: float) -> None:
    mask = np.ones((4, 4), np.float32)
    for change in (ops.expand, ops.shrink, ops.feather, ops.drop_specks):
        with pytest.raises(UsageError, match="length"):
            change(mask, length)
    for level in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(UsageError, match="threshold"):
            ops.threshold(mask, level)
