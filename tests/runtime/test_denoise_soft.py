"""Laws of soft inpainting: hard in the noise, soft in the detail, opaque where something changed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.denoise.soft import SoftOptions, keep_contrast, ranked_mean, soft_opacity, soften

SHAPE = (1, 4, 12, 10)


def normal(seed, shape=SHAPE):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ramp():
    return np.broadcast_to(np.linspace(0, 1, 10, dtype=np.float32), (1, 1, 12, 10)).copy()


def weights(sigma, options=None):
    """Share of the new content in each column, read off one-dimensional latents without contrast correction."""
    known, new = np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32)
    options = SoftOptions(detail=1) if options is None else options
    return soften(lambda x, s: new, known, ramp(), options)(known, sigma)[0, 0, 0]


def test_ends_of_the_mask_are_exact():
    known, new = normal(0), normal(1)
    output = soften(lambda x, s: new, known, ramp(), SoftOptions())(known, 2.0)
    assert_array_equal(output[..., 0], known[..., 0])
    assert_array_equal(output[..., -1], new[..., -1])


def test_the_share_is_the_mask_to_the_power_of_sigma():
    assert_allclose(weights(4.0), ramp()[0, 0, 0] ** 2, atol=1e-6)
    assert_allclose(weights(4.0, SoftOptions(power=0.5, scale=1, detail=1)), ramp()[0, 0, 0] ** 2, atol=1e-6)


def test_the_mask_hardens_with_noise_and_opens_at_the_end():
    shares = np.array([weights(s) for s in (14.0, 4.0, 1.0, 0.1, 0.0)])
    assert (np.diff(shares, axis=0) >= 0).all()
    assert (np.diff(shares, axis=1) >= 0).all()
    assert shares[0, 5] < 0.05
    assert_array_equal(shares[-1], [0] + [1] * 9)


def test_mixing_keeps_the_contrast_that_a_plain_mean_loses():
    known, new = normal(0), normal(1)
    middle = np.full((1, 1, 12, 10), 0.5)
    mixed = keep_contrast(known, new, middle, 4.0)
    length, plain, a, b = (np.linalg.norm(z, axis=1) for z in (mixed, (known + new) / 2, known, new))
    assert (length >= plain - 1e-6).all()
    assert_allclose(length, ((a**4 + b**4) / 2) ** 0.25, rtol=1e-5)


def test_opposite_latents_do_not_divide_by_zero():
    known = normal(0)
    assert np.isfinite(keep_contrast(known, -known, np.full((1, 1, 12, 10), 0.5), 4.0)).all()


def test_ranked_means_of_a_constant_are_the_constant():
    assert_allclose(ranked_mean(np.full((6, 7), 3.5), 0.25, 0.75), 3.5)


def test_ranked_means_take_the_asked_part_of_the_window():
    values = np.zeros((9, 9))
    values[4, 4] = 10
    assert ranked_mean(values, 0.9, 1.0)[4, 4] > 5
    assert ranked_mean(values, 0.25, 0.75)[4, 4] == 0
    assert ranked_mean(values, 0.9, 1.0)[0, 0] == 0


def test_ranked_mean_of_all_ranks_is_the_weighted_mean():
    values = normal(3, (7, 8)).astype(np.float64)
    kernel = np.exp(-np.square(np.arange(-2, 3)) / 4.5)
    kernel = np.outer(kernel, kernel)
    expected = (values[1:6, 2:7] * kernel).sum() / kernel.sum()
    assert_allclose(ranked_mean(values, 0.0, 1.0)[3, 4], expected, rtol=1e-9)


@pytest.fixture
def changed():
    """Known latents, and final ones that differ in a block of the masked half."""
    known, final = normal(0, (1, 4, 32, 32)), normal(0, (1, 4, 32, 32))
    final[..., 8:24, 18:30] += 3
    mask = np.zeros((1, 1, 32, 32), np.float32)
    mask[..., 12:] = np.linspace(0.1, 1, 20)
    return known, final, mask, np.kron(mask[0, 0], np.ones((8, 8), np.float32))


def test_opacity_follows_the_change(changed):
    opacity = soft_opacity(*changed, SoftOptions())
    assert opacity.dtype == np.float32
    assert opacity[128, 192] > 0.95
    assert opacity[128, 110] < 0.02
    assert (opacity >= 0).all()
    assert (opacity <= 1).all()


def test_unmasked_pixels_stay_clear_whatever_changed(changed):
    known, _, mask, pixel_mask = changed
    opacity = soft_opacity(known, known + 9, mask, pixel_mask, SoftOptions())
    assert_array_equal(opacity[pixel_mask == 0], 0)
    assert opacity[128, 200] > 0.95


def test_a_higher_threshold_lets_less_through(changed):
    opacities = [soft_opacity(*changed, SoftOptions(threshold=t)).sum() for t in (0.5, 2.0, 8.0)]
    assert opacities == sorted(opacities, reverse=True)


def test_nothing_changed_is_nothing_shown(changed):
    known, _, mask, pixel_mask = changed
    assert_allclose(soft_opacity(known, known, mask, pixel_mask, SoftOptions()), 0, atol=1e-6)


def test_the_masks_influence_protects_where_it_is_low(changed):
    known, _, mask, pixel_mask = changed
    final = known + 0.4
    plain, influenced = (soft_opacity(known, final, mask, pixel_mask, SoftOptions(influence=i)) for i in (0.0, 1.0))
    assert influenced[128, 100] < plain[128, 100]
    assert influenced[128, 250] > plain[128, 250]
