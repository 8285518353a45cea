"""Cutting and placing move nothing, and no masked pixel is lost on the way to the latents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retouch.canvas import cut, cut_mask, fit_mask, latent_mask, latent_mask_nearest, paste, place, take, take_mask
from retouch.geometry import Box, Placement, Size


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)


def spot(width: int, height: int, x: float, y: float, spread: float) -> NDArray[np.uint8]:
    """A soft spot of light centred at (x, y), pixel centres at .5."""
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    light = np.exp(-((columns - x) ** 2 + (rows[:, None] - y) ** 2) / (2 * spread**2))
    return np.repeat(np.rint(light * 255)[..., None], 3, axis=2).astype(np.uint8)


def centre_of_mass(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    light = image[..., 0].astype(np.float64)
    columns, rows = np.arange(light.shape[1]) + 0.5, np.arange(light.shape[0]) + 0.5
    return np.array([light.sum(axis=0) @ columns, light.sum(axis=1) @ rows]) / light.sum()


@pytest.mark.parametrize("crop", [Box(0, 0, 64, 48), Box(7, 5, 39, 37)], ids=["whole", "inner"])
def test_at_scale_one_cut_then_place_is_the_identity(crop: Box) -> None:
    picture = noise(64, 48)
    placement = Placement(crop, crop.size)
    patch = place(cut(picture, placement), placement)
    np.testing.assert_array_equal(patch, picture[crop.slices])
    np.testing.assert_array_equal(paste(picture, patch, crop), picture)


@pytest.mark.parametrize("work", [Size(64, 64), Size(96, 96), Size(256, 256), Size(320, 320)], ids=str)
@pytest.mark.parametrize("side", [150, 201, 256], ids=str)
def test_no_scale_moves_the_picture(side: int, work: Size) -> None:
    picture = spot(400, 400, 140.3, 151.8, spread=12)
    placement = Placement(Box.at(60, 70, Size(side, side)), work)
    seen = cut(picture, placement)
    expected = (np.array([140.3, 151.8]) - (60, 70)) * work.width / side
    # a twentieth of the coarser of the two pixels: 8-bit rounding alone moves the centre by about 0.01
    tolerance = 0.05 * max(1, work.width / side)
    np.testing.assert_allclose(centre_of_mass(seen), expected, rtol=0, atol=tolerance)
    back = paste(np.zeros_like(picture), place(seen, placement), placement.crop)
    tolerance = 0.05 * max(1, side / work.width)
    np.testing.assert_allclose(centre_of_mass(back), (140.3, 151.8), rtol=0, atol=tolerance)


def test_a_gradient_survives_shrinking_and_enlarging() -> None:
    ramp = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)
    placement = Placement(Box(0, 0, 256, 256), Size(128, 128))
    back = place(cut(ramp, placement), placement).astype(int)
    # two grey levels: one lost to each rounding, none to a shift (half a pixel would show at both ends)
    np.testing.assert_allclose(back[:, 8:-8], ramp[:, 8:-8], rtol=0, atol=2)


def test_an_overhanging_crop_repeats_the_edge_and_never_writes_it_back() -> None:
    picture = noise(20, 10)
    crop = Box(-5, -10, 25, 20)
    seen = take(picture, crop)
    assert seen.shape == (30, 30, 3)
    np.testing.assert_array_equal(seen[10:20, 5:25], picture)
    np.testing.assert_array_equal(seen[0, 5:25], picture[0])
    np.testing.assert_array_equal(seen[10:20, 29], picture[:, 19])
    np.testing.assert_array_equal(paste(picture, seen, crop), picture)
    assert take_mask(np.ones((10, 20), np.float32), crop).sum() == 200


def test_pasting_changes_the_crop_alone_and_not_its_argument() -> None:
    picture = noise(40, 30)
    before = picture.copy()
    crop = Box(10, 5, 20, 25)
    result = paste(picture, 255 - picture[crop.slices], crop)
    np.testing.assert_array_equal(picture, before)
    changed = (result != picture).any(axis=2)
    assert changed[crop.slices].all()
    assert changed.sum() == crop.area


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_single_masked_pixel_survives_any_resize(data: st.DataObject) -> None:
    side = st.integers(1, 90)
    old, new = Size(data.draw(side), data.draw(side)), Size(data.draw(side), data.draw(side))
    x, y = data.draw(st.integers(0, old.width - 1)), data.draw(st.integers(0, old.height - 1))
    mask = np.zeros((old.height, old.width), np.float32)
    mask[y, x] = 0.25
    fitted = fit_mask(mask, new)
    touched = np.zeros((new.height, new.width), np.float32)
    touched[Box(x, y, x + 1, y + 1).scaled(old, new).slices] = 0.25
    np.testing.assert_array_equal(fitted, touched)


def test_a_mask_at_scale_one_is_itself() -> None:
    mask = np.random.default_rng(1).random((40, 50), np.float32)
    np.testing.assert_array_equal(cut_mask(mask, Placement(Box(3, 4, 35, 36), Size(32, 32))), mask[4:36, 3:35])


@pytest.mark.parametrize("pixel", range(64), ids=str)
def test_every_pixel_reaches_its_latent_cell(pixel: int) -> None:
    mask = np.zeros((16, 24), np.float32)
    mask[8 + pixel // 8, 16 + pixel % 8] = 0.01
    expected = np.zeros((1, 1, 2, 3), np.float32)
    expected[..., 1, 2] = 1
    np.testing.assert_array_equal(latent_mask(mask, 8), expected)
    np.testing.assert_array_equal(latent_mask(mask, 8, soft=True), expected * np.float32(0.01))
    assert latent_mask(mask, 8, threshold=0.5).sum() == 0


def test_the_nearest_latent_mask_sees_one_pixel_of_each_cell() -> None:
    mask = np.zeros((16, 16), np.float32)
    mask[0, 8], mask[8, 0], mask[9, 9] = 0.5, 0.4, 1
    np.testing.assert_array_equal(latent_mask_nearest(mask, 8)[0, 0], [[0, 1], [0, 0]])
