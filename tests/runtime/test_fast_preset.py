"""The guided part of a run and the fast preset: what each costs in calls of the UNet, and that recipes keep it."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from retouch.commands._options import add_sampling_options, request_from
from retouch.errors import UsageError
from retouch.estimate import estimate
from retouch.fast import FEW, GUIDED, fitted
from retouch.pipeline import Inpainter
from retouch.request import InpaintRequest, request_from_data
from retouch.session import GraphSession
from retouch.work_area import plan, work_area_of
from retouch_models.bundle import Bundle
from retouch_models.manifest import Manifest
from retouch_models.store import find_bundle

MASK = np.zeros((64, 64), np.float32)
MASK[24:40, 24:40] = 1


def batches(bundle: Bundle, request: InpaintRequest, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch of every call of the UNet in a run."""
    seen: list[int] = []
    real = GraphSession.__call__

    def call(self: GraphSession, inputs: dict[str, np.ndarray]) -> object:
        if self.role == "unet":
            seen.append(len(inputs["sample"]))
        return real(self, inputs)

    monkeypatch.setattr(GraphSession, "__call__", call)
    Inpainter(bundle, provider="cpu", memory="high").run(np.zeros((64, 64, 3), np.uint8), MASK, request)
    return seen


@pytest.mark.parametrize(
    ("interval", "expected"),
    [(None, [2] * 6), ((0.0, 1.0), [2] * 6), ((0.0, 0.5), [2, 2, 2, 1, 1, 1]), ((0.5, 1.0), [1, 1, 1, 2, 2, 2]),
     ((1 / 3, 2 / 3), [1, 1, 2, 2, 1, 1]), ((0.0, 0.0), [1] * 6)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m"])
def test_guidance_acts_in_its_part_of_the_steps_only(
    interval: tuple[float, float] | None,
    expected: list[int],
    sampler: str,
    tiny: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = InpaintRequest(prompt="a", steps=6, guidance=3.0, sampler=sampler, guidance_interval=interval)
    assert batches(tiny, request, monkeypatch) == expected
    full = request.resolved(tiny.manifest)
    regions = plan(MASK, work_area_of(full), tiny.manifest.size)
    foretold = estimate(tiny.manifest, full, regions, on_cpu=True, memory=0)
    assert (foretold.evaluations, foretold.evaluations + foretold.guided) == (len(expected), sum(expected))


@pytest.mark.parametrize("interval", [(0.6, 0.4), (-0.1, 1.0), (0.0, 1.1), (float("nan"), 1.0)], ids=str)
def test_odd_intervals_are_refused(interval: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="guidance-interval"):
        InpaintRequest(guidance_interval=interval)


@pytest.mark.parametrize("sigmas", [(), (1.0, 2.0), (1.0, 1.0), (1.0, 0.0), (-1.0,), (float("inf"), 1.0)], ids=str)
def test_noise_levels_that_do_not_fall_to_zero_are_refused(sigmas: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="--sigmas"):
        InpaintRequest(sigmas=sigmas)


def test_given_noise_levels_are_those_that_the_model_sees(tiny: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    real = GraphSession.__call__

    def call(self: GraphSession, inputs: dict[str, np.ndarray]) -> object:
        if self.role == "unet":
            seen.append(float(inputs["timestep"][0]))
        return real(self, inputs)

    monkeypatch.setattr(GraphSession, "__call__", call)
    engine, levels = Inpainter(tiny, provider="cpu"), (9.0, 3.0, 1.0)
    for strength, visited in ((1.0, levels), (0.7, levels[1:])):
        seen.clear()
        request = InpaintRequest(prompt="a", sigmas=levels, strength=strength)
        assert engine.run(np.zeros((64, 64, 3), np.uint8), MASK, request).request.steps == 3
        np.testing.assert_allclose(seen, [engine.levels.timestep(s) for s in visited], rtol=1e-6)  # passed as float32


def parsed(*words: str, base: InpaintRequest | None = None) -> InpaintRequest:
    parser = argparse.ArgumentParser()
    add_sampling_options(parser)
    return request_from(parser.parse_args(list(words)), base)


@pytest.fixture(scope="module")
def pocket() -> Manifest:
    return find_bundle("pocket").manifest


def test_fast_is_the_fitted_levels_where_there_are_any(pocket: Manifest) -> None:
    full = parsed("--fast").resolved(pocket)
    assert full.sigmas == fitted(pocket)
    assert (full.steps, full.sampler, full.guidance, full.decode) == (5, "dpmpp_2m_linear", 3.5, "masked")
    assert full.guidance_interval is None
    assert full.fast_form == "fitted"


@pytest.mark.parametrize("other", [{"name": "mine"}, {"name": "mine", "family": "mine"}], ids=["structure", "neither"])
def test_levels_are_claimed_for_the_very_model_they_were_fitted_to(other: dict[str, str], pocket: Manifest) -> None:
    full = parsed("--fast").resolved(replace(pocket, **other))  # type: ignore[arg-type]
    assert (full.sigmas, full.fast_form) == (None, "general")


@pytest.mark.parametrize(
    ("words", "form"),
    [((), None), (("--fast",), "fitted"), (("--fast", "--decode", "whole"), "fitted"),
     (("--fast", "--steps", "9"), "general"), (("--fast", "--sampler", "ddim"), "general"),
     (("--fast", "--sigmas", "9,3"), "general"), (("--fast", "--schedule", "karras"), "general")],
    ids=str,
)  # fmt: skip
def test_a_request_says_which_form_it_has_and_keeps_saying_it(
    words: tuple[str, ...], form: str | None, pocket: Manifest
) -> None:
    full = parsed(*words).resolved(pocket)
    assert full.fast_form == form
    again = request_from_data(full.to_data())
    assert again.resolved(pocket).fast_form == form
    elsewhere = again.resolved(replace(pocket, name="other")).fast_form
    assert elsewhere == (None if form is None else "general")
    assert parsed("--steps", "7", base=again).resolved(pocket).fast_form == (None if form is None else "general")


@pytest.mark.parametrize(("own", "steps"), [(25, 10), (20, 8), (FEW, FEW), (4, 4)], ids=str)
def test_fast_is_two_steps_in_five_elsewhere_and_leaves_distilled_models_alone(
    own: int, steps: int, pocket: Manifest
) -> None:
    other = replace(pocket, family="other", defaults=replace(pocket.defaults, steps=own))
    full = parsed("--fast").resolved(other)
    assert (full.sigmas, full.steps, full.sampler, full.decode) == (None, steps, "dpmpp_2m", "masked")
    assert full.guidance_interval == (None if own <= FEW else GUIDED)


def test_what_is_given_beside_fast_wins(pocket: Manifest) -> None:
    more = parsed("--fast", "--steps", "9").resolved(pocket)
    assert (more.steps, more.sigmas) == (9, None)
    assert parsed("--fast", "--decode", "whole").resolved(pocket).decode == "whole"
    assert parsed("--fast", "--sigmas", "9,3").resolved(pocket).sigmas == (9.0, 3.0)
    assert parsed("--fast", "--guidance-interval", "0.1,0.9").resolved(pocket).guidance_interval == (0.1, 0.9)


def test_a_run_from_the_recipe_is_the_fast_run(tiny: Bundle) -> None:
    engine = Inpainter(tiny, provider="cpu")
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    made = engine.run(picture, MASK, InpaintRequest(prompt="a", seed=5, fast=True, sigmas=(9.0, 2.0, 0.5)))
    assert any("not fitted to this one" in note for note in made.notes)
    again = engine.run(picture, MASK, request_from_data(made.request.to_data()))
    assert_array_equal(again.image, made.image)
    assert made.request.sigmas == (9.0, 2.0, 0.5)


def test_a_recipe_holds_what_fast_stood_for_and_gives_way_to_what_is_said_anew(pocket: Manifest) -> None:
    full = parsed("--fast").resolved(pocket)
    assert not full.fast
    again = request_from_data(full.to_data())
    assert again == full == again.resolved(pocket)
    assert parsed("--steps", "9", base=again).resolved(pocket).sigmas is None
    assert parsed("--fast", base=InpaintRequest().resolved(pocket)).resolved(pocket) == full


def test_requests_without_the_new_options_are_stored_as_before(pocket: Manifest) -> None:
    assert not {"sigmas", "fast", "fast_form", "decode"} & InpaintRequest().resolved(pocket).to_data().keys()


@pytest.mark.parametrize(("blend", "levels"), [("hard", 0), ("feather", 0), ("poisson", 1)], ids=str)
def test_a_decoder_without_far_sight_gives_the_same_picture_from_the_window(
    blend: str, levels: int, tiny: Bundle
) -> None:
    engine = Inpainter(tiny, provider="cpu")
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    mask = np.zeros((128, 128), np.float32)
    mask[60:68, 58:70] = 1
    request = InpaintRequest(prompt="a", area="picture", work_size=(128, 128), blend=blend)
    whole, masked = (engine.run(picture, mask, replace(request, decode=kind)) for kind in ("whole", "masked"))
    assert masked.regions[0].raw.size < whole.regions[0].raw.size / 2
    # The Poisson equation is solved on a smaller box there, and its rounding may fall to the other side.
    assert np.abs(masked.image.astype(int) - whole.image).max() <= levels


@pytest.mark.parametrize("option", [{"overlay": False}, {"colour_match": "lab"}, {"feather_out": 3.0}], ids=str)
def test_what_looks_at_the_whole_decode_gets_it(option: dict[str, object], tiny: Bundle) -> None:
    engine = Inpainter(tiny, provider="cpu")
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    mask = np.zeros((128, 128), np.float32)
    mask[60:68, 58:70] = 1
    request = InpaintRequest(prompt="a", area="picture", work_size=(128, 128), **option)  # type: ignore[arg-type]
    whole, masked = (engine.run(picture, mask, replace(request, decode=kind)) for kind in ("whole", "masked"))
    assert_array_equal(masked.image, whole.image)
    assert masked.regions[0].raw.shape == whole.regions[0].raw.shape


@pytest.mark.parametrize(("prompt", "least_db"), [("", 45.0), ("a red heart", 30.0)])
def test_fast_paints_nearly_what_the_bundled_model_paints_at_its_own_pace(prompt: str, least_db: float) -> None:
    """The bounds lie 3 dB and more below what was measured, 50 and 33 dB."""
    engine = Inpainter(find_bundle("pocket"), provider="cpu")
    y, x = np.mgrid[0:256, 0:256]
    picture = np.stack([120 + y // 4, 180 - y // 8 + x // 16, 235 - x // 4], axis=2).astype(np.uint8)
    mask = ((x - 128) ** 2 + (y - 128) ** 2 < 60**2).astype(np.float32)
    request = InpaintRequest(prompt=prompt, seed=3)
    exact, fast = (engine.run(picture, mask, replace(request, fast=kind)).image for kind in (False, True))
    engine.close()
    error = np.mean(np.square(exact[mask > 0].astype(float) - fast[mask > 0]))
    assert 10 * np.log10(255**2 / error) > least_db
