"""Noise levels, schedules and where a run starts."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from retouch.errors import BundleError, UnknownName, UsageError
from retouch.noise_levels import NoiseLevels, betas
from retouch.schedule import exact_sigmas, run_steps, sigmas, start
from retouch.schedules import SCHEDULES
from retouch.schedules.lcm import timesteps as lcm_timesteps
from retouch.schedules.model import timesteps
from retouch.schedules.polyexponential import curve
from retouch_models.manifest import NoiseSpec

FACTS = json.loads((Path(__file__).parents[1] / "golden/samplers/schedules.json").read_text())
SPEC = NoiseSpec(prediction="epsilon")
LEVELS = NoiseLevels.from_spec(SPEC)
KINDS = {
    "scaled_linear": SPEC,
    "linear": NoiseSpec(prediction="epsilon", beta_schedule="linear", beta_start=0.0001, beta_end=0.02),
    "cosine": NoiseSpec(prediction="epsilon", beta_schedule="cosine"),
    "zero_terminal_snr": NoiseSpec(prediction="v", zero_terminal_snr=True),
}
SPACINGS = ["leading", "trailing", "linspace"]


# Training levels


@pytest.mark.parametrize("kind", KINDS)
def test_training_sigmas_are_those_of_diffusers(kind):
    table = NoiseLevels.from_spec(KINDS[kind]).table
    assert len(table) == 1000
    # diffusers multiplies 1000 float32 numbers; 1 - abar has 3 digits left at the first timestep
    assert_allclose(table[::111], FACTS["tables"][kind], rtol=5e-4)


def test_pure_noise_has_a_finite_sigma_and_the_first_timestep_stays():
    plain, zero = LEVELS, NoiseLevels.from_spec(KINDS["zero_terminal_snr"])
    assert zero.largest == pytest.approx(4096, rel=1e-7)
    assert zero.smallest == pytest.approx(plain.smallest, rel=1e-9)


def test_given_betas_are_used_as_they_are():
    own = tuple(float(b) for b in betas(SPEC))
    spec = NoiseSpec(prediction="epsilon", beta_schedule="given", betas=own)
    assert_array_equal(NoiseLevels.from_spec(spec).table, LEVELS.table)


@pytest.mark.parametrize(
    "spec",
    [
        NoiseSpec(prediction="epsilon", beta_schedule="given"),
        NoiseSpec(prediction="epsilon", beta_schedule="given", betas=(0.1, 0.2)),
        NoiseSpec(prediction="epsilon", timesteps=3, beta_schedule="given", betas=(0.1, 0.0, 0.2)),
        NoiseSpec(prediction="epsilon", timesteps=3, beta_schedule="given", betas=(0.1, 1.5, 0.2)),
    ],
    ids=["missing", "too few", "not rising", "above 1"],
)
def test_betas_that_make_no_noise_levels_are_refused(spec):
    with pytest.raises(BundleError, match="betas"):
        NoiseLevels.from_spec(spec)


@pytest.mark.parametrize("kind", KINDS)
def test_timestep_and_sigma_are_exact_at_whole_timesteps(kind):
    levels = NoiseLevels.from_spec(KINDS[kind])
    for t in range(levels.count):
        assert levels.sigma(t) == levels.table[t]
        assert levels.timestep(float(levels.table[t])) == t


@given(st.floats(0, 999))
def test_timestep_undoes_sigma(t):
    assert LEVELS.timestep(LEVELS.sigma(t)) == pytest.approx(t, abs=1e-7)  # float64 logarithms over steps of 0.5 %


@given(st.floats(0.03, 14.6))
def test_sigma_undoes_timestep(sigma):
    assert LEVELS.sigma(LEVELS.timestep(sigma)) == pytest.approx(sigma, rel=1e-12)


def test_levels_beyond_the_training_are_held_at_its_ends():
    assert LEVELS.timestep(1e-6) == 0
    assert LEVELS.timestep(1e6) == 999
    assert LEVELS.sigma(-3) == LEVELS.smallest
    assert LEVELS.sigma(5000) == LEVELS.largest


# Schedules


@pytest.mark.parametrize("spacing", SPACINGS)
def test_model_timesteps_are_those_of_diffusers(spacing):
    levels = NoiseLevels.from_spec(NoiseSpec(prediction="epsilon", spacing=spacing))
    for steps, expected in FACTS["timesteps"][spacing].items():
        assert timesteps(levels, int(steps)) == expected


def test_lcm_timesteps_are_those_of_diffusers():
    for steps, expected in FACTS["timesteps"]["lcm"].items():
        assert lcm_timesteps(LEVELS, int(steps)) == expected


@pytest.mark.parametrize("kind", ["karras", "exponential"])
def test_spaced_sigmas_are_those_of_diffusers(kind):
    assert_allclose(
        sigmas(LEVELS, kind, 12)[:-1], FACTS["spaced"][kind], rtol=1e-4
    )  # its ends are float32 cumulative products


@pytest.mark.parametrize("steps", [1, 2, 3, 20, 50])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCHEDULES.names())
def test_every_schedule_falls_from_inside_the_training_to_zero(name, kind, steps):
    levels = NoiseLevels.from_spec(KINDS[kind])
    walk = sigmas(levels, name, steps)
    assert walk.dtype == np.float64
    assert walk.shape == (steps + 1,)
    assert (np.diff(walk) < 0).all()
    assert walk[-1] == 0
    assert walk[0] <= levels.largest * (1 + 1e-12)
    assert walk[-2] >= levels.smallest * (1 - 1e-12)


@pytest.mark.parametrize("name", ["karras", "exponential", "polyexponential", "sgm_uniform"])
def test_these_schedules_start_at_the_models_largest_sigma(name):
    assert sigmas(LEVELS, name, 10)[0] == pytest.approx(LEVELS.largest, rel=1e-12)


def test_trailing_starts_at_the_last_timestep_and_leading_does_not():
    trailing, leading = (NoiseLevels.from_spec(NoiseSpec(prediction="v", spacing=s)) for s in ("trailing", "leading"))
    assert sigmas(trailing, "model", 7)[0] == trailing.largest
    assert sigmas(leading, "model", 7)[0] < leading.largest


def test_karras_is_even_in_the_seventh_root():
    roots = sigmas(LEVELS, "karras", 9)[:-1] ** (1 / 7)
    assert_allclose(np.diff(roots), np.diff(roots)[0], rtol=1e-9)


def test_exponential_divides_by_the_same_number():
    walk = sigmas(LEVELS, "exponential", 9)[:-1]
    assert_allclose(walk[1:] / walk[:-1], walk[1] / walk[0], rtol=1e-12)


def test_polyexponential_with_exponent_1_is_exponential_and_above_1_lower():
    plain = sigmas(LEVELS, "exponential", 9)
    assert_allclose(sigmas(LEVELS, "polyexponential", 9), plain, rtol=1e-12)
    assert (curve(LEVELS, 9, 2.0)[1:-1] < plain[1:-2]).all()


def test_sgm_uniform_is_even_in_timesteps_and_stops_one_interval_early():
    visited = [LEVELS.timestep(s) for s in sigmas(LEVELS, "sgm_uniform", 9)[:-1]]
    assert_allclose(visited, np.linspace(999, 111, 9), atol=1e-6)


def test_a_model_may_end_at_its_first_training_sigma():
    levels = NoiseLevels.from_spec(NoiseSpec(prediction="epsilon", final_sigma_zero=False))
    assert sigmas(levels, "model", 20)[-1] == levels.smallest
    assert sigmas(levels, "karras", 20)[-1] == 0


@pytest.mark.parametrize("spacing", ["trailing", "linspace"])
def test_a_walk_over_every_timestep_visits_each_once(spacing):
    levels = NoiseLevels.from_spec(NoiseSpec(prediction="epsilon", spacing=spacing))
    assert_array_equal(sigmas(levels, "model", 1000)[:-1], levels.table[::-1])


@pytest.mark.parametrize(
    ("name", "steps"), [("model", 0), ("model", 1001), ("karras", -1), ("lcm", 51), ("model", 1000)]
)
def test_impossible_numbers_of_steps_are_refused(name, steps):
    with pytest.raises(UsageError, match="steps"):
        sigmas(LEVELS, name, steps)  # leading with an offset of 1 has 999 timesteps


def test_an_unknown_schedule_gets_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'karras'"):
        sigmas(LEVELS, "karas", 10)


# Strength


@pytest.mark.parametrize(
    ("steps", "strength", "made"),
    [(20, 1.0, 20), (20, 0.5, 10), (20, 0.35, 7), (30, 0.99, 29), (10, 0.19, 1), (10, 0.01, 1), (1, 0.5, 1)],
)
def test_strength_leaves_the_last_steps_of_the_walk(steps, strength, made):
    whole, part = sigmas(LEVELS, "karras", steps), sigmas(LEVELS, "karras", steps, strength)
    assert run_steps(steps, strength) == made
    assert_array_equal(part, whole[-made - 1 :])


@pytest.mark.parametrize("name", SCHEDULES.names())
@pytest.mark.parametrize("strength", [1.0, 0.75, 0.5, 0.1, 0.001])
def test_exact_walks_make_every_step(name, strength):
    walk = exact_sigmas(LEVELS, name, 10, strength)
    assert len(walk) == 11
    assert (np.diff(walk) < 0).all()
    assert walk[-1] == 0


@pytest.mark.parametrize("strength", [0.75, 0.5, 0.25])
def test_exact_walks_start_where_shortened_ones_do(strength):
    whole, made = sigmas(LEVELS, "karras", 24), run_steps(24, strength)
    above, below = whole[-made - 2], whole[-made]
    assert above > exact_sigmas(LEVELS, "karras", 24, strength)[0] > below


def test_exact_at_full_strength_is_the_plain_walk():
    assert_array_equal(exact_sigmas(LEVELS, "karras", 24), sigmas(LEVELS, "karras", 24))


@pytest.mark.parametrize("walk", [sigmas, exact_sigmas])
@pytest.mark.parametrize("strength", [0.0, -0.5, 1.01, float("nan")])
def test_strengths_that_cannot_be_meant_are_refused(walk, strength):
    with pytest.raises(UsageError, match="strength"):
        walk(LEVELS, "karras", 10, strength)


# The start


def test_full_strength_starts_from_noise_of_the_variance_that_the_model_was_trained_on():
    walk, noise = sigmas(LEVELS, "model", 20), np.ones((1, 4, 2, 2), np.float32)
    x = start(walk, noise, np.full_like(noise, 9.0), 1.0)
    assert x.dtype == np.float32
    assert_allclose(x / np.hypot(1, walk[0]), noise, rtol=1e-6)  # unit noise in the model's own space


def test_lower_strength_starts_from_the_noisy_picture():
    walk = sigmas(LEVELS, "model", 20, 0.5)
    noise, picture = np.ones((1, 4, 2, 2), np.float32), np.full((1, 4, 2, 2), 9.0, np.float32)
    x = start(walk, noise, picture, 0.5)
    assert x.dtype == np.float32
    assert_allclose(x, 9 + walk[0], rtol=1e-6)
    assert (picture == 9).all()
    assert (noise == 1).all()


def test_lower_strength_needs_a_picture():
    with pytest.raises(UsageError, match="picture"):
        start(sigmas(LEVELS, "model", 20, 0.5), np.ones((1, 4, 2, 2), np.float32), None, 0.5)
