"""Laws of the samplers: what every one keeps, and how fast each comes near the truth.

Orders are measured on Gaussian data in float64, where the solution is known in closed form.
"""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch.errors import UnknownName
from retouch.noise import gaussian
from retouch.samplers import SAMPLERS
from retouch.samplers.lms import weights
from support.diffusion_problems import GaussianData, final, silence, two_peaks

EXPECTED = {
    "ddim",
    "dpm2",
    "dpm2_a",
    "dpmpp_2m",
    "dpmpp_2m_linear",
    "dpmpp_2m_sde",
    "dpmpp_2s_a",
    "dpmpp_3m_sde",
    "dpmpp_sde",
    "euler",
    "euler_a",
    "heun",
    "lcm",
    "lms",
    "unipc",
}
DETERMINISTIC = [name for name in SAMPLERS.names() if not SAMPLERS[name].stochastic]
STOCHASTIC = [name for name in SAMPLERS.names() if SAMPLERS[name].stochastic]
DIFFUSING = [name for name in STOCHASTIC if name != "lcm"]
"""The samplers of the stochastic equation; `lcm` needs a consistency function instead of a denoiser."""

TO_ZERO = np.append(np.geomspace(10.0, 0.1, 8), 0.0)
LATENTS = np.random.default_rng(0).standard_normal((1, 4, 3, 5), dtype=np.float32) * np.float32(10)


def fresh(seed: int = 1):
    """A noise of LATENTS' shape."""
    stream = gaussian("numpy", seed)
    return lambda: stream(LATENTS.shape)


def silent_walk(name):
    """The walk of a sampler with eta 0; `lcm` has none and is silenced by its noise."""
    walk = SAMPLERS[name].walk
    return partial(walk, eta=0.0) if name in DIFFUSING else walk


def test_all_samplers_are_there():
    assert set(SAMPLERS.names()) == EXPECTED


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'euler'"):
        SAMPLERS["eulr"]


# The contract


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
@pytest.mark.parametrize("name", SAMPLERS.names())
def test_contract(name, steps):
    sigmas = TO_ZERO[-steps - 1 :]
    x, before = LATENTS, LATENTS.copy()
    seen = []

    def denoise(x, sigma):
        seen.append(sigma)
        assert type(sigma) is float
        assert x.dtype == np.float32
        return two_peaks(x, sigma)

    done = list(SAMPLERS[name](denoise, x, sigmas, fresh()))
    assert [step.index for step in done] == list(range(steps))
    assert [step.sigma for step in done] == sigmas[:-1].tolist()
    assert all(step.x.dtype == np.float32 and step.x.shape == x.shape for step in done)
    assert all(np.isfinite(step.x).all() for step in done)
    assert_array_equal(done[-1].x, done[-1].denoised)
    assert_array_equal(x, before)
    assert len(seen) == SAMPLERS[name].total_evaluations(steps)
    assert min(seen) > 0


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_inputs_and_earlier_results_are_not_written_to(name):
    sigmas = TO_ZERO.copy()
    walk = SAMPLERS[name](two_peaks, LATENTS, sigmas, fresh())
    kept = [(step, step.x.copy(), step.denoised.copy()) for step in walk]
    for step, x, denoised in kept:
        assert_array_equal(step.x, x)
        assert_array_equal(step.denoised, denoised)
    assert_array_equal(sigmas, TO_ZERO)


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_two_walks_of_one_sampler_share_nothing(name):
    alone = final(SAMPLERS[name](two_peaks, LATENTS, TO_ZERO, fresh())).x
    first = SAMPLERS[name](two_peaks, LATENTS, TO_ZERO, fresh())
    other = SAMPLERS[name](two_peaks, -LATENTS, TO_ZERO, fresh(2))
    interleaved = [step for step, _ in zip(first, other, strict=True)]
    assert_array_equal(interleaved[-1].x, alone)


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_a_walk_may_end_above_zero(name):
    steps = list(SAMPLERS[name](two_peaks, LATENTS, TO_ZERO[:-1], fresh()))
    assert len(steps) == len(TO_ZERO) - 2
    assert np.isfinite(steps[-1].x).all()


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_noise_is_drawn_by_stochastic_samplers_only_and_never_for_the_clean_end(name):
    draws = []

    def noise():
        draws.append(1)
        return np.zeros_like(LATENTS)

    final(SAMPLERS[name](two_peaks, LATENTS, TO_ZERO, noise))
    per_step = {"dpmpp_sde": 2}.get(name, 1) if SAMPLERS[name].stochastic else 0
    assert len(draws) == per_step * (len(TO_ZERO) - 2)


@pytest.mark.parametrize("name", ["ddim", "dpm2", "dpm2_a", "dpmpp_2s_a", "dpmpp_sde", "euler", "euler_a", "heun"])
def test_a_sampler_without_history_goes_on_where_it_stopped(name):
    walk = silent_walk(name)
    whole = list(walk(two_peaks, LATENTS, TO_ZERO, silence(LATENTS)))
    rest = final(walk(two_peaks, whole[3].x, TO_ZERO[4:], silence(LATENTS)))
    assert_array_equal(rest.x, whole[-1].x)


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_float32_is_enough_from_the_highest_noise_there_is(name):
    # 4096 is the level that stands for pure noise; each step rounds values of the size of sigma
    sigmas = np.append(np.geomspace(4096.0, 0.03, 20), 0.0)
    start = LATENTS * np.float32(400)
    walk = silent_walk(name)
    single = final(walk(GaussianData().denoise, start, sigmas, silence(start))).x
    double = start.astype(np.float64)
    double = final(walk(GaussianData().denoise, double, sigmas, silence(double))).x
    assert_allclose(single, double, rtol=1e-3, atol=2e-5)


# Order


def error(walk, steps: int, warm_up: bool) -> float:
    """Distance from the truth after `steps` even steps in log sigma from 10 to 0.1.

    Multistep methods begin with lower orders; a warm-up of three steps of width h^3 and h^2 lets that beginning
    vanish, so that the method itself is seen.
    """
    data = GaussianData(mean=0.3)
    h = np.log(100) / steps
    sigmas = np.geomspace(10.0, 0.1, steps + 1)
    if warm_up:
        sigmas = np.concatenate([10 * np.exp([2 * h**2 + 3 * h**3, 2 * h**2, h**2]), sigmas])
    x = np.ones((1, 4, 2, 2))
    reached = final(walk(data.denoise, x, sigmas, silence(x))).x
    return float(np.abs(reached - data.solution(x, sigmas[0], sigmas[-1])).max())


@pytest.mark.parametrize(
    ("name", "order", "warm_up"),
    [
        ("euler", 1, False),
        ("euler_a", 1, False),
        ("ddim", 1, False),
        ("heun", 2, False),
        ("dpm2", 2, False),
        ("dpm2_a", 2, False),
        ("dpmpp_2s_a", 2, False),
        ("dpmpp_2m", 2, False),
        ("dpmpp_2m_linear", 2, False),
        ("dpmpp_2m_sde", 2, False),
        ("dpmpp_sde", 2, False),
        ("dpmpp_3m_sde", 3, True),
        ("unipc", 3, False),
        ("lms", 4, True),
    ],
)
def test_order_without_noise(name, order, warm_up):
    walk = silent_walk(name)
    rate = np.log2(error(walk, 200, warm_up) / error(walk, 400, warm_up))
    assert rate == pytest.approx(order, abs=0.15)  # the next term of the error is still visible at 400 steps


def test_every_sampler_of_the_flow_has_its_order_tested():
    (mark,) = test_order_without_noise.pytestmark
    assert {row[0] for row in mark.args[1]} == EXPECTED - {"lcm"}


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("euler_a", "euler"),
        ("ddim", "euler"),
        ("dpm2_a", "dpm2"),
        ("dpmpp_2m_sde", "dpmpp_2m"),
        ("dpmpp_sde", "dpmpp_2s_a"),
    ],
)
def test_without_noise_some_samplers_are_one(name, same_as):
    one, other = (final(silent_walk(n)(two_peaks, LATENTS, TO_ZERO, silence(LATENTS))).x for n in (name, same_as))
    assert_allclose(one, other, rtol=1e-4, atol=1e-5)  # the same formula in another order of float32 operations


def test_lms_weights_integrate_cubics_exactly():
    nodes, end = [2.0, 3.5, 4.0, 7.0], 1.25
    cubic = np.polynomial.Polynomial([0.7, -1.1, 0.4, 0.25])
    whole = cubic.integ()(end) - cubic.integ()(nodes[0])
    assert_allclose(np.dot(weights(nodes, end), cubic(np.array(nodes))), whole, rtol=1e-12)  # float64 rounding


# The distribution of what is drawn


def drawn_deviation(name: str, sigmas, data: GaussianData) -> float:
    """Standard deviation of the sampler's results over all noises, exactly.

    With a linear denoiser the result is a sum of the start and every draw, each times a number. Element k of the
    arrays is given draw k alone, so the squares of the results add up to the variance.
    """
    sources = 2 * len(sigmas)
    draws = iter(np.eye(sources)[1:].reshape(-1, 1, 1, 1, sources))
    start = np.eye(sources)[:1].reshape(1, 1, 1, sources) * data.deviation(sigmas[0])
    reached = final(SAMPLERS[name](data.denoise, start, sigmas, lambda: next(draws))).x
    return float(np.sqrt((reached**2).sum()))


@pytest.mark.parametrize(
    ("name", "order"),
    [("euler_a", 1), ("dpm2_a", 2), ("dpmpp_2s_a", 2), ("dpmpp_2m_sde", 2), ("dpmpp_sde", 2), ("dpmpp_3m_sde", 2)],
)
def test_the_spread_of_results_converges_to_that_of_the_data(name, order):
    data = GaussianData()
    off = [drawn_deviation(name, np.geomspace(10.0, 0.1, n + 1), data) - data.deviation(0.1) for n in (200, 400)]
    assert abs(off[1]) < 0.01 * data.spread
    assert np.log2(off[0] / off[1]) == pytest.approx(order, abs=0.15)  # as above


@pytest.mark.parametrize("name", DIFFUSING)
def test_results_are_spread_like_the_data(name):
    data = GaussianData(mean=0.3)
    stream = gaussian("numpy", 5)
    shape = (1, 4, 64, 64)
    sigmas = np.append(np.geomspace(20.0, 0.02, 200), 0.0)
    start = data.mean + stream(shape) * np.float32(data.deviation(20.0))
    results = final(SAMPLERS[name](data.denoise, start, sigmas, lambda: stream(shape))).x
    # 16,384 values: one standard error is 0.8 % of the mean and 0.6 % of the deviation; the method adds up to 2 %
    assert_allclose(results.mean(), data.mean, atol=4 * 0.5 / 128)
    assert_allclose(results.std(), data.spread, rtol=4 * 0.006 + 0.02)


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_the_mean_of_the_data_stays_where_it_is(name):
    data = GaussianData(mean=0.3)
    x = np.full((1, 1, 2, 2), data.mean)
    for step in SAMPLERS[name](data.denoise, x, TO_ZERO, silence(x)):
        assert_allclose(step.x, data.mean, rtol=1e-12)  # float64 rounding


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_consistency_sampling_draws_the_data_at_every_step_count(steps):
    data = GaussianData(mean=0.3)
    stream, shape = gaussian("numpy", 5), (1, 4, 64, 64)
    sigmas = np.append(np.geomspace(20.0, 2.0, steps), 0.0)
    start = data.mean + stream(shape) * np.float32(data.deviation(20.0))
    results = final(SAMPLERS["lcm"](data.jump, start, sigmas, lambda: stream(shape))).x
    assert_allclose(results.mean(), data.mean, atol=4 * 0.5 / 128)  # 4 standard errors, as above
    assert_allclose(results.std(), data.spread, rtol=4 * 0.006)


@pytest.mark.parametrize("end", [0.0, 0.2])
def test_the_linear_end_is_exact_where_the_data_is_linear_in_sigma(end):
    sigmas = np.array([4.0, 2.0, 0.5, end])
    first, slope = LATENTS.astype(np.float64), np.full(LATENTS.shape, 0.3)
    steps = list(SAMPLERS["dpmpp_2m_linear"](lambda x, s: first + slope * s, first * 2, sigmas, silence(first)))
    begun = steps[0].x  # the first step has nothing to draw a line through
    flow = (begun - first + slope * 2.0 * np.log(2.0)) / 2.0  # x = a - b s log s + c s solves dx/ds = (x - a - b s) / s
    log_end = 0.0 if end == 0 else end * np.log(end)
    assert_allclose(steps[-1].x, first - slope * log_end + flow * end, rtol=1e-12)  # rounding alone
