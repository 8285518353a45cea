"""Laws of masked content: kept pixels keep their bytes, and each kind puts in the hole what it promises."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.content import CONTENT
from retouch.latent_content import LATENT_CONTENT

EVERY = pytest.mark.parametrize("kind", CONTENT.names())
INVENTED = pytest.mark.parametrize("kind", [k for k in CONTENT.names() if k != "original"])
FROM_SURROUNDINGS = pytest.mark.parametrize("kind", ["edge", "fill", "mirror", "navier_stokes", "telea"])


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def box(height=90, width=130, at=np.s_[20:70, 30:100]):
    mask = np.zeros((height, width), np.float32)
    mask[at] = 1
    return mask


def soft():
    return cv2.GaussianBlur(box(), (0, 0), 4)


MASKS = {
    "box": box(),
    "right side": box(at=np.s_[:, 60:]),
    "all but a box": 1 - box(at=np.s_[30:50, 40:90]),
    "soft": soft(),
    "nothing": np.zeros((90, 130), np.float32),
    "everything": np.ones((90, 130), np.float32),
    "one pixel picture": np.ones((1, 1), np.float32),
    "one row": box(1, 40, np.s_[:, 10:20]),
}
ON_MASKS = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())


@EVERY
@ON_MASKS
def test_kept_pixels_keep_their_bytes_and_arguments_are_left_alone(kind, mask):
    image, mask = noise(*mask.shape), mask.copy()
    image.setflags(write=False)
    mask.setflags(write=False)
    result = CONTENT[kind](image, mask, 0)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert_array_equal(result[mask == 0], image[mask == 0])
    assert not np.shares_memory(result, image)


@INVENTED
def test_nothing_of_the_old_content_is_left(kind):
    mask = box()
    first, other = noise(90, 130), noise(90, 130)
    other[mask == 1] = 255 - other[mask == 1]
    assert_array_equal(CONTENT[kind](first, mask, 0), CONTENT[kind](other, mask, 0))


@FROM_SURROUNDINGS
@pytest.mark.parametrize("mask", [box(), 1 - box(at=np.s_[30:50, 40:90]), soft()], ids=["box", "outpaint", "soft"])
def test_flat_surroundings_fill_the_hole_with_their_colour(kind, mask):
    image = np.full((90, 130, 3), (200, 120, 40), np.uint8)
    image[mask == 1] = 0
    result = CONTENT[kind](image, (mask > 0).astype(np.float32), 0)
    # one rounding, except that OpenCV's Telea adds up its own over the width of the hole
    limit = 12 if kind == "telea" else 1
    assert_allclose(result[mask == 1].astype(int), np.broadcast_to([200, 120, 40], result[mask == 1].shape), atol=limit)


@FROM_SURROUNDINGS
def test_each_side_of_the_hole_takes_the_colour_beside_it(kind):
    image = np.zeros((120, 200, 3), np.uint8)
    image[:, :100], image[:, 100:] = 220, 30
    result = CONTENT[kind](image, box(120, 200, np.s_[40:80, 60:140]), 0)
    assert result[60, 62, 0] > 170
    assert result[60, 137, 0] < 80


@pytest.mark.parametrize("kind", ["navier_stokes", "telea"])
def test_a_big_hole_at_smaller_scale_stays_like_the_exact_one(kind):
    y, x = np.mgrid[:600, :800]
    image = np.stack([x / 4, y / 3, (x + y) / 7], axis=2).astype(np.uint8)
    mask = box(600, 800, np.s_[150:450, 200:600])
    exact = cv2.inpaint(image, mask.astype(np.uint8), 3, {"telea": 1, "navier_stokes": 0}[kind])
    # both continue gradients over a hole of 400 px; they may part in the middle, never by a different colour
    assert np.abs(CONTENT[kind](image, mask, 0).astype(int) - exact).mean() < 12


def test_edge_draws_the_border_out():
    image = noise(40, 60)
    mask = box(40, 60, np.s_[:, 45:])
    assert_array_equal(CONTENT["edge"](image, mask, 0), np.pad(image[:, :45], ((0, 0), (0, 15), (0, 0)), mode="edge"))


def test_mirror_reflects_a_grown_canvas_on_all_sides():
    kept = noise(40, 60)
    image = np.pad(kept, ((90, 17), (25, 130), (0, 0)))
    mask = np.pad(np.zeros((40, 60), np.float32), ((90, 17), (25, 130)), constant_values=1)
    assert_array_equal(CONTENT["mirror"](image, mask, 0), np.pad(kept, ((90, 17), (25, 130), (0, 0)), mode="reflect"))


def test_neutral_is_zero_to_the_model():
    result = CONTENT["neutral"](noise(90, 130), box(), 0)
    # 127.5 has no byte
    assert_allclose(result[40, 60] / 127.5 - 1, 0, atol=0.5 / 127.5)


def test_a_soft_mask_mixes_old_and_new():
    image = np.full((90, 130, 3), 227, np.uint8)
    mask = np.full((90, 130), 0.25, np.float32)
    assert_allclose(CONTENT["neutral"](image, mask, 0).astype(int), 202, atol=1)


def test_fill_equals_the_blurs_laid_over_each_other_at_full_size():
    image, mask = cv2.GaussianBlur(noise(256, 320), (0, 0), 12), box(256, 320, np.s_[80:180, 90:240])
    kept = np.dstack([image, np.full(mask.shape, 255)]) * (1 - mask)[..., None]
    out = np.zeros_like(kept)
    for sigma, repeats in ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2)):
        blurred = cv2.GaussianBlur(kept, (0, 0), sigma)
        for _ in range(repeats):
            out = blurred + out * (1 - blurred[..., 3:] / 255)
    expected = out[..., :3] / out[..., 3:] * 255
    got = CONTENT["fill"](image, mask, 0)
    # a pyramid samples wide blurs coarsely; two or three levels of 255 cannot matter below the model's noise
    assert np.abs(got - expected)[mask == 1].mean() < 3


def test_latent_kinds_follow_their_formula():
    rng = np.random.default_rng(1)
    latents, noise_ = (rng.standard_normal((1, 4, 6, 5)).astype(np.float32) for _ in range(2))
    mask = np.zeros((1, 1, 6, 5), np.float32)
    mask[..., 2:4, 1:3] = 1
    noisy, empty = (LATENT_CONTENT[k](latents, mask, noise_) for k in ("latent_noise", "latent_nothing"))
    inside = np.broadcast_to(mask == 1, latents.shape)
    assert_array_equal(noisy[inside], noise_[inside])
    assert_array_equal(empty[inside], 0)
    for result in (noisy, empty):
        assert_array_equal(result[~inside], latents[~inside])


def test_names_of_pixel_and_latent_kinds_do_not_meet():
    assert not set(CONTENT.names()) & set(LATENT_CONTENT.names())
