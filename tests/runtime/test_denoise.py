"""Laws of masked denoising, on a model whose exact answer is known: Gaussian data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.denoise.coherence import coherence_map
from retouch.denoise.differential import differential, threshold
from retouch.denoise.keep_known import grown, keep_known
from retouch.samplers import SAMPLERS

SIGMAS = np.array([14.6, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.0])
SHAPE = (1, 4, 12, 10)
SPREAD = 0.8
MEAN = 0.3


def ideal(x, sigma):
    """The best estimate of data that is N(MEAN, SPREAD²)."""
    gain = SPREAD**2 / (SPREAD**2 + sigma**2)
    return (MEAN + np.float32(gain) * (x - MEAN)).astype(np.float32)


def normal(seed):
    return np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32)


KNOWN, NOISE = normal(1) + 2, normal(2)
START = KNOWN + np.float32(SIGMAS[0]) * NOISE


def half():
    mask = np.zeros((1, 1, 12, 10), np.float32)
    mask[..., 5:] = 1
    return mask


def ramp():
    return np.broadcast_to(np.linspace(0, 1, 10, dtype=np.float32), (1, 1, 12, 10)).copy()


def sampled(denoise, sampler="euler"):
    x = START
    for step in SAMPLERS[sampler](denoise, x, SIGMAS, lambda: normal(3)):
        x = step.x
    return x


def inside(mask):
    return np.broadcast_to(mask == 1, SHAPE)


@pytest.mark.parametrize("sigma", SIGMAS[:-1])
def test_the_known_part_comes_out_exactly(sigma):
    output = keep_known(ideal, KNOWN, half(), NOISE)(normal(4) * 9, float(sigma))
    outside = np.broadcast_to(half() == 0, SHAPE)
    assert_array_equal(output[outside], KNOWN[outside])


def test_the_model_sees_the_known_part_at_the_right_noise_level():
    seen = {}

    def model(x, sigma):
        seen[sigma] = x
        return ideal(x, sigma)

    sampled(keep_known(model, KNOWN, half(), NOISE))
    outside = np.broadcast_to(half() == 0, SHAPE)
    for sigma in SIGMAS[:-1]:
        assert_array_equal(seen[sigma][outside], (KNOWN + np.float32(sigma) * NOISE)[outside])


@pytest.mark.parametrize("sampler", SAMPLERS.names())
def test_every_sampler_ends_on_the_known_part(sampler):
    result = sampled(keep_known(ideal, KNOWN, half(), NOISE), sampler)
    outside = np.broadcast_to(half() == 0, SHAPE)
    # the sampler's own float32 arithmetic at sigma 14.6
    assert_allclose(result[outside], KNOWN[outside], atol=2e-4)


def test_the_repainted_part_is_as_if_there_were_no_mask():
    masked, free = sampled(keep_known(ideal, KNOWN, half(), NOISE)), sampled(ideal)
    assert_array_equal(masked[inside(half())], free[inside(half())])


def test_a_full_mask_is_the_plain_model():
    full = np.ones((1, 1, 12, 10), np.float32)
    x = normal(5)
    assert_array_equal(keep_known(ideal, KNOWN, full, NOISE)(x, 2.0), ideal(x, 2.0))


def test_growing_a_mask_by_a_cell_reaches_all_eight_neighbours():
    mask = np.zeros((1, 1, 5, 6), np.float32)
    mask[0, 0, 2, 2] = 0.5
    expected = np.zeros_like(mask)
    expected[0, 0, 1:4, 1:4] = 0.5
    assert_array_equal(grown(mask), expected)


def test_thresholds_fall_from_one_and_never_reach_zero():
    limits = [threshold(float(s), SIGMAS) for s in SIGMAS[:-1]]
    assert_allclose(limits, np.arange(8, 0, -1) / 8)
    assert threshold(3.0, SIGMAS) == limits[2]
    assert threshold(20.0, SIGMAS) == 1


def test_with_a_binary_map_differential_is_keep_known():
    plain = keep_known(ideal, KNOWN, half(), NOISE)
    by_map = differential(lambda _: ideal, KNOWN, half(), SIGMAS, NOISE)
    for sigma in (14.6, 5.0, 0.1):
        assert_array_equal(by_map(normal(6), sigma), plain(normal(6), sigma))
    assert_array_equal(sampled(by_map), sampled(plain))


def test_a_higher_map_value_changes_more():
    # without noise of its own, a cell's way is a function of how long it was free
    flat_known = np.full(SHAPE, 3, np.float32)
    no_noise = np.zeros(SHAPE, np.float32)
    x = flat_known
    denoise = differential(lambda _: ideal, flat_known, ramp(), SIGMAS, no_noise)
    for step in SAMPLERS["euler"](denoise, x, SIGMAS, lambda: no_noise):
        x = step.x
    change = np.abs(x - flat_known)[0, 0, 0]
    assert change[0] == 0
    assert (np.diff(change) >= 0).all()
    assert len(np.unique(change.round(5))) >= 8


def test_a_cell_is_painted_in_its_share_of_the_steps():
    painted = np.zeros(10)
    for sigma in SIGMAS[:-1]:
        output = differential(lambda _: lambda x, _s: x * 0 + 99, KNOWN, ramp(), SIGMAS, NOISE)(normal(7), float(sigma))
        painted += output[0, 0, 0] == 99
    assert_array_equal(painted, np.floor(ramp()[0, 0, 0] * 8 + 1e-4))


def test_mask_inputs_are_remade_once_for_each_threshold():
    asked = []

    def denoise_at(limit):
        asked.append(limit)
        return ideal

    sampled(differential(denoise_at, KNOWN, ramp(), SIGMAS, NOISE), "heun")
    assert asked == sorted(set(asked), reverse=True)
    assert len(asked) == 8


@pytest.mark.parametrize("falloff", ["gaussian", "linear", "staged"])
def test_the_ring_falls_off_and_ends(falloff):
    mask = np.zeros((1, 1, 20, 21), np.float32)
    mask[..., 10, 10] = 1
    ring = coherence_map(mask, 4, 0.25, falloff)[0, 0]
    line = ring[10, 10:]
    assert line[0] == 1
    assert (np.diff(line) <= 0).all()
    assert (line[1:5] >= 0.25).all()
    assert_array_equal(line[5:], 0)
    assert ring[14, 14] == 0


def test_without_a_ring_the_map_is_the_mask():
    assert_array_equal(coherence_map(half(), 0, 0.5), half())
    assert_array_equal(coherence_map(np.zeros((1, 1, 4, 4), np.float32), 3, 0.5), np.zeros((1, 1, 4, 4)))


def test_the_ring_never_lowers_a_soft_mask():
    assert (coherence_map(ramp(), 3, 0.2) >= ramp()).all()
