"""Laws of every blend: what is not masked keeps its bytes, what is alike stays alike; and each method's own promise."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from retouch.blend import BLENDS, BlendOptions
from retouch.blend._membrane import Border, membrane
from retouch.blend.auto import SIMPLEST_FIRST, TIE, choose
from retouch.blend.feather import feathered
from retouch.errors import UnknownName
from retouch.opacity import reach
from retouch.proof import seam_score

EVERY = pytest.mark.parametrize("name", BLENDS.names())


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def disk(height=96, width=120, centre=(60, 50), radius=30):
    mask = np.zeros((height, width), np.float32)
    cv2.circle(mask, centre, radius, 1, -1)
    return mask


def corner():
    mask = np.zeros((96, 120), np.float32)
    mask[40:, 70:] = 1
    return mask


def strokes():
    mask = np.zeros((97, 121), np.float32)
    cv2.line(mask, (3, 5), (110, 80), 1, 3)
    cv2.line(mask, (10, 90), (60, 20), 1, 1)
    mask[60, 10] = 1
    return mask


def ramp():
    return np.clip(np.linspace(-0.5, 1.2, 120, dtype=np.float32), 0, 1) * np.ones((96, 1), np.float32)


MASKS = {
    "disk": disk(),
    "corner of the picture": corner(),
    "thin strokes": strokes(),
    "soft ramp": ramp(),
    "everything": np.ones((96, 120), np.float32),
    "nothing": np.zeros((96, 120), np.float32),
    "one pixel picture": np.ones((1, 1), np.float32),
    "one row": np.eye(1, 40, 7, dtype=np.float32),
}
ON_MASKS = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())


@EVERY
@ON_MASKS
def test_unmasked_bytes_stay(name, mask):
    picture, patch = noise(*mask.shape), noise(*mask.shape, seed=1)
    result = BLENDS[name](BlendOptions())(picture, patch, mask)
    assert result.dtype == np.uint8
    assert_array_equal(result[mask == 0], picture[mask == 0])


@EVERY
@settings(max_examples=15, deadline=None)
@given(mask=arrays(np.float32, (9, 13), elements=st.sampled_from([0.0, 0.25, 1.0]).map(np.float32)))
def test_unmasked_bytes_stay_for_any_mask(name, mask):
    picture, patch = noise(9, 13), noise(9, 13, seed=1)
    result = BLENDS[name](BlendOptions(radius_px=2))(picture, patch, mask)
    assert_array_equal(result[mask == 0], picture[mask == 0])


@EVERY
@ON_MASKS
def test_a_patch_like_the_picture_changes_nothing(name, mask):
    picture = noise(*mask.shape)
    assert_array_equal(BLENDS[name](BlendOptions())(picture, picture.copy(), mask), picture)


@EVERY
def test_the_whole_patch_shows_when_everything_is_masked(name):
    picture, patch = noise(40, 50), noise(40, 50, seed=1)
    everything = np.ones((40, 50), np.float32)
    assert_array_equal(BLENDS[name](BlendOptions())(picture, patch, everything), patch)


@EVERY
def test_arguments_are_left_alone(name):
    picture, patch, mask = noise(96, 120), noise(96, 120, seed=1), disk()
    for array in (picture, patch, mask):
        array.setflags(write=False)
    result = BLENDS[name](BlendOptions(outward_px=3))(picture, patch, mask)
    assert not np.shares_memory(result, picture)
    assert not np.shares_memory(result, patch)


@EVERY
def test_a_ring_outside_is_the_limit_of_change(name):
    picture, patch, mask = noise(96, 120), noise(96, 120, seed=1), disk()
    result = BLENDS[name](BlendOptions(radius_px=4, outward_px=5))(picture, patch, mask)
    distance = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    beyond, ring = distance > 5, (distance > 0) & (distance < 2)
    assert_array_equal(beyond, reach(mask, 5) == 0)
    assert_array_equal(result[beyond], picture[beyond])
    assert (result[ring] != picture[ring]).any()


@EVERY
def test_ten_edits_in_a_row_leave_the_rest_untouched(name):
    before = noise(96, 120)
    picture, touched = before, np.zeros((96, 120), bool)
    for turn in range(10):
        mask = disk(centre=(20 + 8 * turn, 40), radius=9)
        touched |= mask > 0
        picture = BLENDS[name](BlendOptions())(picture, noise(96, 120, seed=turn), mask)
    assert_array_equal(picture[~touched], before[~touched])


def test_an_unknown_blend_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="poisson"):
        BLENDS["poison"]


def test_hard_takes_the_patch_where_the_mask_is_full():
    picture, patch, mask = noise(96, 120), noise(96, 120, seed=1), disk()
    assert_array_equal(BLENDS["hard"](BlendOptions())(picture, patch, mask)[mask == 1], patch[mask == 1])


def test_hard_mixes_by_a_soft_mask():
    picture, patch = np.full((1, 3, 3), 100, np.uint8), np.full((1, 3, 3), 200, np.uint8)
    mask = np.array([[0, 0.25, 1]], np.float32)
    assert_array_equal(BLENDS["hard"](BlendOptions())(picture, patch, mask)[0, :, 0], [100, 125, 200])


def test_feather_of_radius_zero_is_the_mask():
    assert_array_equal(feathered(disk(), 0), disk())
    assert_array_equal(feathered(ramp(), 0), ramp())


def test_feather_rises_with_depth_and_is_full_beyond_the_radius():
    mask = disk()
    alpha = feathered(mask, 8)
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    order = np.argsort(depth[mask > 0])
    assert (np.diff(alpha[mask > 0][order]) >= 0).all()
    assert_array_equal(alpha[depth >= 9], 1)
    assert alpha[(depth > 0) & (depth < 2)].max() < 0.2


def test_feather_does_not_fade_towards_the_pictures_border():
    alpha = feathered(corner(), 8)
    assert_array_equal(alpha[60:, -1], 1)
    assert_array_equal(alpha[-1, 90:], 1)


@pytest.mark.parametrize("others", [0, 200], ids=["alone", "among many areas"])
def test_a_stroke_thinner_than_the_feather_still_becomes_opaque(others):
    mask = np.zeros((200, 200), np.float32)
    mask[10:15, 20:180] = 1
    mask[50:190, 20:60] = 1
    flat = mask[::4, 100::4].ravel()
    flat[:others] = 1
    mask[::4, 100::4] = np.maximum(mask[::4, 100::4], flat.reshape(50, 25))
    alpha = feathered(mask, 16)
    assert alpha[12, 60] == 1
    assert alpha[100, 20] < 0.05


def exact_membrane(inside, border_values):
    """Solve the discrete Laplace equation directly; (h, w)."""
    number = np.cumsum(inside).reshape(inside.shape) - 1
    matrix, right = np.zeros((inside.sum(), inside.sum())), np.zeros(inside.sum())
    for y, x in zip(*np.nonzero(inside), strict=True):
        for to_y, to_x in ((y, x + 1), (y + 1, x), (y, x - 1), (y - 1, x)):
            if 0 <= to_y < inside.shape[0] and 0 <= to_x < inside.shape[1]:
                row = number[y, x]
                matrix[row, row] += 1
                if inside[to_y, to_x]:
                    matrix[row, number[to_y, to_x]] -= 1
                else:
                    right[row] += border_values[to_y, to_x]
    film = np.zeros(inside.shape)
    film[inside] = np.linalg.solve(matrix, right)
    return film


@pytest.mark.parametrize(
    "mask",
    [disk(48, 60, (30, 24), 18), corner()[30:80, 50:111], strokes()[:60, :61]],
    ids=["disk", "corner of the picture", "strokes"],
)
def test_the_membrane_solves_laplaces_equation(mask):
    inside = mask > 0
    ring = (cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~inside
    y, x = np.mgrid[: inside.shape[0], : inside.shape[1]]
    values = 20 * np.sin(x / 9) + 10 * np.cos(y / 7) + 0.2 * x
    given_values = np.repeat(values[ring][:, None], 3, axis=1).astype(np.float32)
    film = membrane(Border(inside, np.flatnonzero(ring), given_values))
    # a quarter of a level cannot be seen in 8 bits; the iteration ends there to be quick on big pictures
    assert_allclose(film[inside][:, 1], exact_membrane(inside, values)[inside], atol=0.25)


@pytest.mark.parametrize("robust", [False, True], ids=["exact border", "robust border"])
@pytest.mark.parametrize("mask", [disk(), corner(), strokes()], ids=["disk", "corner", "strokes"])
def test_poisson_removes_a_constant_colour_shift(mask, robust):
    picture = noise(*mask.shape) // 2 + 50
    patch = picture + np.array([20, -15, 7], np.int16).astype(np.uint8)
    result = BLENDS["poisson"](BlendOptions(robust=robust))(picture, patch, mask)
    # rounding of the film, once
    assert_allclose(result.astype(int), picture, atol=1)


def test_poisson_keeps_what_is_new_inside():
    picture = np.full((96, 120, 3), 90, np.uint8)
    patch = picture + np.uint8(25)
    cv2.circle(patch, (60, 50), 12, (200, 40, 40), -1)
    result = BLENDS["poisson"](BlendOptions())(picture, patch, disk())
    assert_allclose(result[50, 60].astype(int), [175, 15, 15], atol=1)


def test_a_robust_border_does_not_let_a_post_bleed_in():
    picture = np.full((96, 120, 3), 180, np.uint8)
    patch = picture.copy()
    picture[70:, 56:64] = 10
    result = {
        r: BLENDS["poisson"](BlendOptions(radius_px=0, robust=r))(picture, patch, disk())[60:76, 50:70]
        for r in (True, False)
    }
    dark = {robust: int((180 - pixels.astype(int)).max()) for robust, pixels in result.items()}
    assert dark[True] <= 12 < 60 <= dark[False]


def test_laplacian_shows_detail_before_colour():
    picture = np.full((256, 256, 3), 100, np.uint8)
    shift, detail = picture + np.uint8(60), picture.copy()
    detail[:, ::2] = 160
    mask = disk(256, 256, (128, 128), 110)
    blend = BLENDS["laplacian"](BlendOptions())
    row, depth_10 = 128, 128 - 110 + 10
    colour = blend(picture, shift, mask)[row, depth_10, 0] - 100.0
    lines = np.ptp(blend(picture, detail, mask)[row, depth_10 : depth_10 + 2, 0])
    assert colour / 60 < 0.45
    assert lines / 60 > 0.9


@pytest.mark.parametrize("name", ["feather", "laplacian", "poisson"])
def test_each_soft_blend_lowers_the_seam_of_a_colour_shift(name):
    picture = cv2.GaussianBlur(noise(256, 256), (0, 0), 20)
    patch, mask = picture + np.uint8(12), disk(256, 256, (128, 128), 80)
    hard = seam_score(BLENDS["hard"](BlendOptions())(picture, patch, mask), mask)
    assert seam_score(BLENDS[name](BlendOptions())(picture, patch, mask), mask) < hard / 2


@pytest.mark.parametrize(("shift", "chosen"), [(0, "hard"), (1, "feather"), (25, "poisson")], ids=str)
def test_auto_takes_the_simplest_that_hides_the_seam(shift, chosen):
    picture = np.full((256, 256, 3), 100, np.uint8)
    mask = disk(256, 256, (128, 128), 90)
    choice = choose(picture, picture + np.uint8(shift), mask, BlendOptions())
    assert choice.name == chosen


def test_auto_is_never_worse_than_the_best_by_more_than_a_tie():
    picture, patch, mask = noise(128, 128), noise(128, 128, seed=1), disk(128, 128, (60, 60), 40)
    choice = choose(picture, patch, mask, BlendOptions())
    assert choice.scores[choice.name] <= min(choice.scores.values()) + TIE
    assert set(choice.scores) == set(SIMPLEST_FIRST)
    assert_array_equal(choice.result, BLENDS[choice.name](BlendOptions())(picture, patch, mask))
    assert_array_equal(BLENDS["auto"](BlendOptions())(picture, patch, mask), choice.result)


def test_auto_tries_every_blend_there_is():
    assert {*SIMPLEST_FIRST, "auto"} == set(BLENDS.names())
