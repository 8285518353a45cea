"""The whole run on a model whose answer can be worked out by hand."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from retouch import colour, noise
from retouch.arrays import RGB, Mask
from retouch.errors import Cancelled, PictureError, UnknownName, UsageError
from retouch.pipeline import Inpainter
from retouch.progress import Progress
from retouch.request import COLOUR_MATCHES, NOISES, InpaintRequest, request_from_data
from retouch.samplers import SAMPLERS
from retouch.session import GraphSession
from retouch_models.bundle import Bundle
from retouch_models.registry import module_names
from support.tiny_bundle import EOS, TOKENS, prompt_latents

HEIGHT, WIDTH = 96, 128


@pytest.fixture(scope="module")
def engine(tiny: Bundle) -> Iterator[Inpainter]:
    opened = Inpainter(tiny, provider="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ordinary(tiny_ordinary: Bundle) -> Iterator[Inpainter]:
    opened = Inpainter(tiny_ordinary, provider="cpu", threads=1)
    yield opened
    opened.close()


@pytest.fixture
def image() -> RGB:
    return np.random.Generator(np.random.Philox(1)).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def mask() -> Mask:
    painted = np.zeros((HEIGHT, WIDTH), np.float32)
    painted[32:64, 48:96] = 1
    return painted


def colour_of(prompt: str, engine: Inpainter, guidance: float) -> np.ndarray:
    """RGB that the tiny model paints, worked out from its embeddings."""
    tokenizer = engine._text._models[0].tokenizer
    positive, negative = (prompt_latents(tokenizer.frame(tokenizer.tokens(p)).tolist()) for p in (prompt, ""))
    latents = negative + guidance * (positive - negative)
    return np.clip(latents[:3] / 0.5 * 127.5 + 127.5, 0, 255)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_the_masked_area_is_what_the_prompt_says(guidance: float, engine: Inpainter, image: RGB, mask: Mask) -> None:
    request = InpaintRequest(prompt="ab !", guidance=guidance, feather=0, blend="hard", area="32,16 64x64")
    result = engine.run(image, mask, request)
    expected = np.broadcast_to(colour_of("ab !", engine, guidance), (32, 48, 3))
    assert_allclose(result.image[32:64, 48:96], expected, atol=1)  # rounding to whole levels


@pytest.mark.parametrize("sampler", module_names("retouch.samplers"))
@pytest.mark.parametrize("schedule", ["model", "karras"])
def test_every_sampler_reaches_the_answer(
    sampler: str, schedule: str, engine: Inpainter, image: RGB, mask: Mask
) -> None:
    request = InpaintRequest(
        prompt="cat", guidance=1, feather=0, blend="hard", area="32,16 64x64", sampler=sampler, schedule=schedule
    )
    result = engine.run(image, mask, request)
    assert_allclose(result.image[32:64, 48:96].mean(axis=(0, 1)), colour_of("cat", engine, 1), atol=1)


OPTIONS = {
    "plain": {},
    "strength": {"strength": 0.5},
    "exact steps": {"strength": 0.3, "exact_steps": True},
    "differential": {"denoising": "differential"},
    "soft": {"denoising": "soft"},
    "coherence": {"coherence": 16},
    "laplacian": {"blend": "laplacian"},
    "poisson": {"blend": "poisson"},
    "auto": {"blend": "auto"},
    "lab": {"colour_match": "lab"},
    "histogram": {"colour_match": "histogram"},
    "whole picture": {"area": "picture"},
    "box": {"area": "40,20 70x60"},
    "rescale": {"guidance": 9.0, "guidance_rescale": 0.7},
    "variation": {"variation_seed": 3, "variation": 0.4},
    "noise content": {"content": "latent_noise", "strength": 0.8, "extra_noise": 0.1},
    "fill": {"content": "fill", "strength": 0.8},
    "nearest": {"latent_mask": "nearest"},
    "torch noise": {"rng": "torch-cpu", "sampler": "euler_a"},
    "work size": {"work_size": (96, 64)},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("kind", ["9 channels", "4 channels"])
def test_outside_the_mask_no_byte_changes(
    name: str, kind: str, engine: Inpainter, ordinary: Inpainter, image: RGB, mask: Mask
) -> None:
    chosen = engine if kind == "9 channels" else ordinary
    mask[10:14, 100:104] = 0.5
    before, given = image.copy(), mask.copy()
    result = chosen.run(image, mask, InpaintRequest(prompt="ox", **OPTIONS[name]))  # type: ignore[arg-type]
    assert_array_equal(result.image[mask == 0], before[mask == 0])
    assert result.proof.bytes_changed_outside == 0
    assert (result.image[40:56, 60:80] != before[40:56, 60:80]).any()
    assert_array_equal(image, before)
    assert_array_equal(mask, given)


def test_ten_accepted_edits_in_a_row_lose_nothing(engine: Inpainter, image: RGB) -> None:
    """Promise R16: the result of one edit is the base of the next, and everything never masked stays."""
    current, ever = image, np.zeros((HEIGHT, WIDTH), bool)
    for n in range(10):
        mask = np.zeros((HEIGHT, WIDTH), np.float32)
        mask[8 * n : 8 * n + 10, 10 * n : 10 * n + 12] = 1
        ever |= mask > 0
        current = engine.run(current, mask, InpaintRequest(prompt="a", seed=n)).image
    assert_array_equal(current[~ever], image[~ever])


def test_a_feather_that_reaches_outward_changes_its_ring_alone(engine: Inpainter, image: RGB, mask: Mask) -> None:
    result = engine.run(image, mask, InpaintRequest(prompt="a", feather_out=6))
    rows, columns = np.nonzero((result.image != image).any(axis=2) & (mask == 0))
    assert rows.size > 0
    away = np.maximum.reduce([32 - rows, rows - 63, 48 - columns, columns - 95])
    assert away.max() <= 6
    assert result.regions[0].proof.bytes_changed_outside == 0, "the ring was asked for"


def test_a_one_pixel_stroke_is_repainted(engine: Inpainter, image: RGB) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[41, 20:90] = 1
    result = engine.run(image, mask, InpaintRequest(prompt="a", feather=0, blend="hard"))
    assert (result.image[41, 20:90] != image[41, 20:90]).any(axis=1).mean() > 0.9


def test_same_seed_same_bytes_and_other_seed_other_noise(engine: Inpainter, image: RGB, mask: Mask) -> None:
    request = InpaintRequest(prompt="a", strength=0.9, sampler="euler_a", seed=11, content="latent_noise", steps=1)
    one, two = (engine.run(image, mask, request) for _ in range(2))
    assert_array_equal(one.image, two.image)
    assert one.proof == two.proof


def test_progress_tells_each_step_with_a_preview(engine: Inpainter, image: RGB, mask: Mask) -> None:
    seen: list[Progress] = []
    engine.run(image, mask, InpaintRequest(steps=5, regions="one"), seen.append)
    steps = [p for p in seen if p.phase == "step"]
    assert [p.step for p in steps] == [1, 2, 3, 4, 5]
    assert all(p.steps == 5 and p.regions == 1 for p in steps)
    assert list(dict.fromkeys(p.phase for p in seen)) == ["load", "encode", "step", "decode", "done"]
    preview = steps[0].preview()
    assert preview is not None
    assert preview.dtype == np.uint8
    assert preview.shape[2] == 3
    fractions = [p.fraction for p in steps]
    assert fractions == sorted(fractions)
    assert seen[-1].fraction == 1


def test_cancelling_is_raising(engine: Inpainter, image: RGB, mask: Mask) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        engine.run(image, mask, InpaintRequest(steps=9), stop)
    assert engine.run(image, mask, InpaintRequest()).image.shape == image.shape, "the engine goes on"


def test_distant_areas_are_regions_on_the_accepted_result(engine: Inpainter) -> None:
    image = np.full((400, 900, 3), 120, np.uint8)
    mask = np.zeros((400, 900), np.float32)
    mask[20:60, 20:60] = 1
    mask[330:370, 820:860] = 1
    seen: list[Progress] = []
    result = engine.run(image, mask, InpaintRequest(prompt="zebra", steps=3), seen.append)
    assert len(result.regions) == 2
    assert {(p.region, p.step) for p in seen if p.phase == "step"} == {(r, s) for r in (0, 1) for s in (1, 2, 3)}
    for box in ((slice(30, 50), slice(30, 50)), (slice(340, 360), slice(830, 850))):
        assert (result.image[box] != 120).any()


def test_candidates_share_what_was_encoded(
    engine: Inpainter, image: RGB, mask: Mask, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    real = GraphSession.__call__

    def counted(self: GraphSession, inputs: object) -> object:
        calls[self.role] += 1
        return real(self, inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(GraphSession, "__call__", counted)
    request = InpaintRequest(prompt="never seen before", steps=4)
    for seed in range(3):
        engine.run(image[::-1].copy(), mask, replace(request, seed=seed))
    assert calls == {"text_encoder": 1, "vae_encoder": 1, "unet": 12, "vae_decoder": 3}


@pytest.mark.parametrize(("guidance", "batch"), [(1.0, 1), (3.0, 2)])
def test_guidance_runs_in_one_batch(
    guidance: float, batch: int, engine: Inpainter, image: RGB, mask: Mask, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = GraphSession.__call__

    def seen(self: GraphSession, inputs: dict[str, np.ndarray]) -> object:
        if self.role == "unet":
            sizes.append(len(inputs["sample"]))
        return real(self, inputs)

    monkeypatch.setattr(GraphSession, "__call__", seen)
    engine.run(image, mask, InpaintRequest(prompt="x", guidance=guidance, steps=3))
    assert sizes == [batch] * 3


@pytest.mark.parametrize(
    ("strength", "exact", "expected"), [(1.0, False, 10), (0.5, False, 5), (0.05, False, 1), (0.5, True, 10)]
)
def test_strength_leaves_out_the_start_of_the_walk(
    strength: float, exact: bool, expected: int, engine: Inpainter, image: RGB, mask: Mask
) -> None:
    seen: list[Progress] = []
    request = InpaintRequest(steps=10, strength=strength, exact_steps=exact)
    engine.run(image, mask, request, seen.append)
    assert sum(p.phase == "step" for p in seen) == expected


def test_a_picture_smaller_than_the_model_works(engine: Inpainter) -> None:
    image = np.full((9, 13, 3), 50, np.uint8)
    mask = np.zeros((9, 13), np.float32)
    mask[3:6, 4:8] = 1
    result = engine.run(image, mask, InpaintRequest(prompt="a"))
    assert result.image.shape == (9, 13, 3)
    assert_array_equal(result.image[mask == 0], image[mask == 0])


def test_a_fully_masked_picture_works(engine: Inpainter, image: RGB) -> None:
    result = engine.run(image, np.ones((HEIGHT, WIDTH), np.float32), InpaintRequest(prompt="a"))
    assert result.proof.bytes_changed_outside == 0
    assert result.proof.drift_db is None


def test_raw_decode_without_overlay(engine: Inpainter, image: RGB, mask: Mask) -> None:
    result = engine.run(image, mask, InpaintRequest(prompt="a", overlay=False))
    crop = result.regions[0].placement.crop
    assert result.proof.bytes_changed_outside > 0
    untouched = np.ones((HEIGHT, WIDTH), bool)
    untouched[crop.clamp(crop.size._replace(width=WIDTH, height=HEIGHT)).slices] = False
    assert_array_equal(result.image[untouched], image[untouched])
    assert result.proof.drift_db is not None
    assert 0 < result.proof.drift_db < 40


def test_empty_prompt_is_the_models_word_for_removing(tiny: Bundle, image: RGB, mask: Mask) -> None:
    manifest = replace(tiny.manifest, defaults=replace(tiny.manifest.defaults, empty_prompt="plain"))
    engine = Inpainter(Bundle(tiny.folder, manifest), provider="cpu", threads=1)
    request = InpaintRequest(prompt="  ", guidance=1, seed=2)
    assert_array_equal(
        engine.run(image, mask, request).image, engine.run(image, mask, replace(request, prompt="plain")).image
    )


def test_undesired_content_steers_away(engine: Inpainter, image: RGB, mask: Mask) -> None:
    request = InpaintRequest(prompt="cat", guidance=3)
    with_it = engine.run(image, mask, replace(request, negative_prompt="dog"))
    assert (with_it.image != engine.run(image, mask, request).image).any()


def test_result_names_device_times_and_resolved_request(engine: Inpainter, image: RGB, mask: Mask) -> None:
    result = engine.run(image, mask, InpaintRequest())
    assert result.provider == "cpu"
    assert {"load", "text", "encode", "steps", "decode", "join"} <= result.seconds.keys()
    assert (result.request.steps, result.request.sampler, result.request.guidance) == (4, "euler", 2.0)
    assert result.request.sampler in SAMPLERS


@pytest.mark.parametrize(
    ("request_", "error", "part"),
    [
        (InpaintRequest(sampler="eular"), UnknownName, "Did you mean 'euler'"),
        (InpaintRequest(area="100,100 0x5"), UsageError, "size"),
        (InpaintRequest(work_size=(60, 64)), UsageError, "multiple of 8"),
    ],
    ids=["sampler", "area", "work size"],
)
def test_bad_requests(
    request_: InpaintRequest, error: type[Exception], part: str, engine: Inpainter, image: RGB, mask: Mask
) -> None:
    with pytest.raises(error, match=part):
        engine.run(image, mask, request_)


def test_bad_masks(engine: Inpainter, image: RGB, mask: Mask) -> None:
    with pytest.raises(PictureError, match="empty"):
        engine.run(image, np.zeros_like(mask), InpaintRequest())
    with pytest.raises(PictureError, match="same size"):
        engine.run(image, mask[:-1], InpaintRequest())


def test_request_survives_json() -> None:
    request = InpaintRequest(prompt="a\n'b' ☃", seed=2**64 - 1, guidance=0.0, work_size=(64, 96), overlay=False)
    assert request_from_data(request.to_data()) == request


def test_the_tiny_model_frames_text_as_its_manifest_says(engine: Inpainter) -> None:
    framed = engine._text._models[0].tokenizer.frame([])
    assert framed.shape == (TOKENS,)
    assert framed[-1] == EOS


def test_no_fade_along_the_picture_border(engine: Inpainter) -> None:
    """A mask that reaches the border keeps nothing beyond it, so the patch is opaque there."""
    image = np.full((40, 200, 3), 128, np.uint8)  # flat and wide: the crop overhangs above and below
    result = engine.run(image, np.ones((40, 200), np.float32), InpaintRequest(prompt="a", feather=8))
    raw = result.regions[0].raw
    assert_array_equal(result.image, raw)


def test_the_names_a_request_checks_are_those_that_exist() -> None:
    """They are listed where nothing heavy is imported, so a newcomer must be listed there too."""
    assert set(COLOUR_MATCHES) == set(colour.KINDS)
    assert set(NOISES) == set(noise.KINDS)
