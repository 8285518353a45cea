"""Guidance: its convention, its limits, and how often the model is asked."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.guidance import Guidance, combine, guide


def pair(seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal((1, 4, 8, 8)).astype(np.float32) * s for s in (1.0, 1.5))


def test_the_convention_is_uncond_plus_scale_times_the_difference():
    uncond, cond = pair()
    # one float32 rounding in each operation
    assert_allclose(combine(uncond, cond, 7.5), -6.5 * uncond + 7.5 * cond, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("scale", "which"), [(0.0, 0), (1.0, 1)], ids=["0 is uncond", "1 is cond"])
def test_ends_of_the_scale(scale, which):
    assert_allclose(combine(*pair(), scale), pair()[which], atol=1e-6)


def test_guiding_epsilon_and_guiding_the_denoised_are_the_same():
    (eps_u, eps_c), (x, _), sigma = pair(), pair(1), np.float32(3)
    assert_allclose(combine(x - sigma * eps_u, x - sigma * eps_c, 5), x - sigma * combine(eps_u, eps_c, 5), atol=1e-4)


@pytest.mark.parametrize("phi", [0.0, 0.7, 1.0])
def test_rescale_moves_the_deviation_towards_that_of_the_positive_prediction(phi):
    uncond, cond = pair()
    plain, rescaled = combine(uncond, cond, 9), combine(uncond, cond, 9, phi)
    expected = phi * cond.std() + (1 - phi) * plain.std()
    assert_allclose(rescaled.std(), expected, rtol=1e-5)
    assert_allclose(rescaled / rescaled.std(), plain / plain.std(), atol=1e-4)


def test_a_constant_prediction_survives_rescaling():
    zero = np.zeros((1, 4, 8, 8), np.float32)
    assert_array_equal(combine(zero, zero, 7.5, 0.7), zero)


def test_half_precision_is_combined_in_single():
    uncond, cond = (z.astype(np.float16) for z in pair())
    assert combine(uncond, cond, 7.5, 0.5).dtype == np.float32


class Model:
    def __init__(self):
        self.asked = []

    def __call__(self, x, sigma, both):
        self.asked.append((sigma, both))
        return np.concatenate([x * 2, x * 3]) if both else x * 3


def test_outside_the_interval_the_prompt_runs_alone():
    model, x = Model(), pair()[0]
    denoise = guide(model, Guidance(scale=4, interval=(0.3, 5.0)))
    outputs = [denoise(x, sigma) for sigma in (14.6, 5.0, 1.0, 0.3)]
    assert model.asked == [(14.6, False), (5.0, True), (1.0, True), (0.3, False)]
    for output, factor in zip(outputs, (3, 6, 6, 3), strict=True):
        assert_allclose(output, x * factor, rtol=1e-5)


def test_scale_one_never_runs_the_negative_prompt():
    model = Model()
    guide(model, Guidance(scale=1))(pair()[0], 2.0)
    assert model.asked == [(2.0, False)]
