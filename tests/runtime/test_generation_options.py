"""Options of a run reach the place where they act, seen at the start of the walk over the noise levels."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch import region_run
from retouch.arrays import Latents, Sigmas
from retouch.noise import gaussian
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest
from retouch.result import InpaintResult
from retouch.variation import slerp
from retouch_models.bundle import Bundle
from support import pictures

Begun = tuple[Sigmas, Latents, Latents | None, float]
"""The walk, the noise, what stands under the mask, and the strength."""

BeginningOf = Callable[..., Begun]


@pytest.fixture(scope="module", params=["9 channels", "4 channels"])
def engine(request: pytest.FixtureRequest, tiny: Bundle, tiny_ordinary: Bundle) -> Iterator[Inpainter]:
    opened = Inpainter(tiny if request.param == "9 channels" else tiny_ordinary, provider="cpu", threads=1)
    yield opened
    opened.close()


def ran(engine: Inpainter, **options: object) -> InpaintResult:
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    request = InpaintRequest(**({"seed": 1, "area": "picture"} | options))  # type: ignore[arg-type]
    return engine.run(pictures.rgb(64, 64), mask, request)


@pytest.fixture
def beginning(engine: Inpainter, monkeypatch: pytest.MonkeyPatch) -> BeginningOf:
    """What a run starts from."""
    seen: list[Begun] = []
    real = region_run.start

    def recorded(*given: object) -> Latents:
        seen.append(given)  # type: ignore[arg-type]
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(region_run, "start", recorded)

    def run(**options: object) -> Begun:
        ran(engine, **options)
        return seen[-1]

    return run


def test_the_variation_moves_the_noise_on_the_arc_between_two_seeds(beginning: BeginningOf) -> None:
    one, other = (gaussian("numpy", seed)((1, 4, 8, 8)) for seed in (1, 9))
    for share in (0.0, 0.3, 1.0):
        noise = beginning(variation_seed=9, variation=share)[1]
        assert_allclose(noise, slerp(one, other, share), atol=1e-6)  # the same float32 arithmetic
    assert_array_equal(beginning(variation_seed=None, variation=0.3)[1], one)


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_exact_steps_are_really_run(strength: float, beginning: BeginningOf) -> None:
    walk = beginning(strength=strength, steps=8, exact_steps=True)[0]
    assert len(walk) - 1 == 8
    assert len(beginning(strength=strength, steps=8)[0]) - 1 == round(8 * strength)


def test_extra_noise_is_added_under_the_mask_alone(beginning: BeginningOf) -> None:
    plain, noisy = (beginning(strength=0.5, extra_noise=amount)[2] for amount in (0.0, 0.5))
    assert plain is not None
    assert noisy is not None
    change = noisy - plain
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:6] = True
    assert not change[..., ~inside].any()
    assert_allclose(change[..., inside].std(), 0.5, rtol=0.25)  # 64 samples of a normal distribution


@pytest.mark.parametrize("strength", [0.2, 0.6])
def test_the_noise_at_the_start_follows_the_strength(strength: float, beginning: BeginningOf) -> None:
    walk, _, stands, given = beginning(strength=strength, steps=20)
    assert given == strength
    assert stands is not None
    assert walk[0] < beginning(strength=1.0, steps=20)[0][0]


def test_guidance_rescale_lessens_what_guidance_exaggerates(engine: Inpainter) -> None:
    """The deviation of the guided prediction falls towards that of the prompt alone (Lin et al. 2024, eq. 15)."""

    def spread(**options: object) -> float:
        raw = ran(engine, prompt="owl", steps=1, overlay=False, **options).image
        return float(raw.astype(float).std(axis=(0, 1)).mean())

    shares = (0.0, 0.5, 1.0)
    spreads = [spread(guidance=9.0, guidance_rescale=share) for share in shares]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[0] > spreads[-1]


@pytest.mark.parametrize("kind", ["plain", "differential", "soft"])
def test_a_coherence_ring_never_reaches_unmasked_pixels(kind: str, engine: Inpainter) -> None:
    result = ran(engine, prompt="owl", coherence=12, coherence_strength=0.8, denoising=kind)
    outside = np.ones((64, 64), bool)
    outside[16:48, 16:48] = False
    assert_array_equal(result.image[outside], pictures.rgb(64, 64)[outside])


@pytest.mark.parametrize("kind", ["lab", "histogram"])
def test_colours_are_matched_before_joining(kind: str, engine: Inpainter) -> None:
    plain, matched = (ran(engine, prompt="owl", colour_match=name) for name in ("none", kind))
    assert (plain.image != matched.image).any()
    assert matched.proof.bytes_changed_outside == 0
