"""Laws of our own recipes: what was asked for comes back exactly, from every format, and nothing odd crashes."""

import io
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from retouch.a1111_text import joined, split_fields
from retouch.errors import PictureError, UsageError
from retouch.image_io import load_picture, save_picture
from retouch.recipe import SCHEMA, MaskFact, ModelFact, PictureFact, Recipe, recipe_from_data, recipe_from_json
from retouch.recipe_mask import embedded_mask, mask_fact, mask_hash, pixels_hash
from retouch.recipe_text import parameters, recipe_texts
from retouch.recipes import READERS, read_recipe, recipe_of
from retouch.recipes.a1111 import from_parameters
from retouch.request import InpaintRequest
from retouch.sampler_names import A1111_NAMES, A1111_SCHEDULES, sampler_of, schedule_of
from retouch_models.registry import module_names
from support import pictures

FULL = Recipe(
    request=InpaintRequest(
        prompt='a cät, "quoted": yes\nsecond line',
        negative_prompt="blurry,\nlow: quality",
        steps=20,
        guidance=7.5,
        sampler="dpmpp_2m",
        schedule="karras",
        strength=0.65,
        seed=2**63,
        variation_seed=7,
        variation=0.25,
        work_size=(256, 192),
        padding=16,
        content="fill",
    ),
    command="inpaint",
    model=ModelFact(name="pocket", hash="0123456789abcdef"),
    picture=PictureFact(file="in.png", sha256="ff", width=640, height=480),
    mask=MaskFact(expression="rect 1,2 3x4", sha256="ee"),
    version="0.1.0",
    provider="cpu",
    proof={"bytes_changed_outside": 0, "drift_db": 31.5},
)


def texts() -> st.SearchStrategy[str]:
    """Prompts with everything that breaks quoting: line breaks, commas, quotes, colons, brackets, odd letters."""
    odd = st.sampled_from(
        ["\n", ", ", '"', "\\", "Negative prompt: ", "Steps: 20", "(", "[", "}", "::", "🦊", "é", "\x00"]
    )
    return st.lists(st.one_of(odd, st.text(max_size=8)), max_size=8).map("".join)


def requests() -> st.SearchStrategy[InpaintRequest]:
    return st.builds(
        InpaintRequest,
        prompt=texts(),
        negative_prompt=texts(),
        steps=st.one_of(st.none(), st.integers(1, 1000)),
        guidance=st.one_of(st.none(), st.floats(0, 100)),
        sampler=st.one_of(st.none(), st.sampled_from(sorted(A1111_NAMES))),
        schedule=st.one_of(st.none(), st.sampled_from(sorted(A1111_SCHEDULES))),
        strength=st.floats(0.01, 1),
        seed=st.integers(0, 2**64 - 1),
        rng=st.sampled_from(["numpy", "torch-cpu", "torch-cuda"]),
        work_size=st.one_of(st.none(), st.tuples(st.integers(8, 999), st.integers(8, 999))),
        feather=st.one_of(st.none(), st.floats(0, 99)),
        overlay=st.booleans(),
    )


@settings(deadline=None)
@given(request=requests())
def test_recipe_to_json_to_recipe_is_the_identity(request: InpaintRequest) -> None:
    recipe = replace(FULL, request=request)
    assert recipe_from_json(recipe.to_json()) == recipe
    assert recipe.to_json().isascii()


@settings(max_examples=40, deadline=None)
@given(request=requests(), extension=st.sampled_from(["png", "jpg", "webp", "tif"]))
def test_a_saved_picture_carries_its_recipe(request: InpaintRequest, extension: str) -> None:
    recipe = replace(FULL, request=request)
    stream = io.BytesIO()
    save_picture(stream, pictures.rgb(), text=recipe_texts(recipe), format_name=extension)
    stream.seek(0)
    assert read_recipe(stream) == recipe


def _is_plain(text: str) -> bool:
    return "Negative prompt: " not in text


@settings(deadline=None)
@given(request=requests().filter(lambda r: _is_plain(r.prompt) and _is_plain(r.negative_prompt)))
def test_the_a1111_text_alone_keeps_what_it_has_words_for(request: InpaintRequest) -> None:
    back = from_parameters(parameters(replace(FULL, request=request)))
    assert back is not None
    for name in ("prompt", "negative_prompt", "steps", "guidance", "sampler", "schedule", "strength", "seed", "rng"):
        assert getattr(back.request, name) == getattr(request, name), name
    assert back.unmapped == ()
    assert back.source == "retouch"
    assert back.version == "0.1.0"


def test_the_a1111_text_is_what_other_tools_expect() -> None:
    recipe = replace(FULL, request=replace(FULL.request, prompt="a cat", negative_prompt="blurry, low"))
    assert parameters(recipe) == (
        "a cat\nNegative prompt: blurry, low\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 9223372036854775808, "
        "Size: 640x480, Model hash: 0123456789, Model: pocket, Denoising strength: 0.65, "
        "Inpaint area: Only masked, Masked area padding: 16, Masked content: fill, "
        "Variation seed: 7, Variation seed strength: 0.25, Version: retouch 0.1.0"
    )


@given(fields=st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9 ]{0,8}[a-z]", fullmatch=True), st.text(), max_size=6))
def test_joined_fields_are_split_again(fields: dict[str, str]) -> None:
    assert split_fields(joined(fields.items())) == fields


@given(line=st.text(max_size=60))
def test_splitting_any_line_ends(line: str) -> None:
    assert isinstance(split_fields(line), dict)


@settings(max_examples=200, deadline=None)
@given(text=texts())
def test_reading_any_text_never_crashes(text: str) -> None:
    picture = load_picture(io.BytesIO(pictures.encoded(pictures.rgb(4, 4))))
    for key in ("parameters", "prompt", "invokeai_metadata", "sd-metadata", "Comment"):
        recipe_of(replace(picture, text={key: text, "Software": "NovelAI"}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
KEYS = [
    *("prompt", "uc", "seed", "steps", "scale", "sampler", "noise_schedule", "strength", "v4_prompt", "caption"),
    *("char_captions", "positive_prompt", "model", "scheduler", "cfg_scale", "image", "inputs", "class_type"),
    *("positive", "request", "schema", "mask", "proof"),
]


@settings(max_examples=120, deadline=None)
@given(data=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8))
def test_foreign_json_of_any_shape_never_crashes(data: dict[str, Any]) -> None:
    picture = load_picture(io.BytesIO(pictures.encoded(pictures.rgb(4, 4))))
    text = json.dumps(data)
    for key in ("prompt", "invokeai_metadata", "sd-metadata", "Comment"):
        recipe_of(replace(picture, text={key: text, "Software": "NovelAI"}))
    recipe_of(replace(picture, text={"prompt": json.dumps({"1": {"class_type": "KSampler", "inputs": data}})}))
    with suppress(UsageError):
        recipe_from_data(data)


# --- newer, older and damaged recipes ------------------------------------------------------------------------------


def test_keys_of_a_newer_version_are_kept_and_reported() -> None:
    data = FULL.to_data() | {"schema": SCHEMA + 1, "weather": {"sun": 1}}
    data["request"] = data["request"] | {"sparkle": 0.5}
    data["mask"] = data["mask"] | {"shape": "round"}
    recipe = recipe_from_data(data)
    assert recipe.request == FULL.request
    assert recipe.extra == {"weather": {"sun": 1}}
    assert recipe.to_data()["weather"] == {"sun": 1}
    told = "; ".join(recipe.unmapped)
    for part in ("schema: 2", "request.sparkle: 0.5", "mask.shape: round", "weather"):
        assert part in told


def test_a_recipe_of_an_older_version_lacks_options_and_gets_their_defaults() -> None:
    assert recipe_from_data({"request": {"prompt": "x"}}) == Recipe(request=InpaintRequest(prompt="x"))


DAMAGED: dict[str, tuple[str, str]] = {
    "no json": ("{", "damaged"),
    "list": ("[1]", "JSON object"),
    "no request": ("{}", "has no request"),
    "request is text": ('{"request": "x"}', "has no request"),
    "steps as text": ('{"request": {"steps": "many"}}', "steps must be a whole number"),
    "steps out of range": ('{"request": {"steps": 0}}', "--steps must be a number from 1"),
    "not a number": ('{"request": {"guidance": NaN}}', "NaN is no number"),
    "seed as true": ('{"request": {"seed": true}}', "seed must be a whole number"),
    "unknown choice": ('{"request": {"denoising": "wet"}}', "must be one of"),
    "mask as text": ('{"request": {}, "mask": "m.png"}', "mask must be an object"),
    "mask hash as number": ('{"request": {}, "mask": {"sha256": 3}}', "mask.sha256 must be text"),
    "model without name": ('{"request": {}, "model": {}}', "model.name is missing"),
    "schema as text": ('{"request": {}, "schema": "one"}', "schema must be a whole number"),
    "proof as list": ('{"request": {}, "proof": []}', "proof must be an object"),
    "deep": ("[" * 100_000, "damaged"),
}


@pytest.mark.parametrize(("text", "message"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_recipe_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        recipe_from_json(text)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    if text.startswith("{"):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(UsageError):
            read_recipe(tmp_path / "r.json")


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_json_file_is_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(FULL.to_data(), indent=1))
    assert read_recipe(tmp_path / "r.json") == FULL


def test_a_text_file_with_a1111_parameters_is_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("a cat\nSteps: 3, Sampler: Euler a, Seed: 5")
    assert read_recipe(tmp_path / "r.txt").request.sampler == "euler_a"


def test_a_recipe_comes_from_a_stream_like_from_a_file() -> None:
    assert read_recipe(io.BytesIO(FULL.to_json().encode())) == FULL
    assert read_recipe(io.BytesIO(parameters(FULL).encode())).request.seed == FULL.request.seed
    with pytest.raises(PictureError, match="standard input"):
        read_recipe(io.BytesIO(b"neither"))


def test_a_picture_without_recipe_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(pictures.encoded(pictures.rgb()))
    with pytest.raises(PictureError, match=r"a\.png has no recipe"):
        read_recipe(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"", b"just words", bytes(9)], ids=["empty", "words", "zeros"])
def test_what_is_neither_picture_nor_recipe(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(PictureError):
        read_recipe(tmp_path / "x")


def test_a_missing_recipe_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="does not exist"):
        read_recipe(tmp_path / "no.png")


def test_ours_is_found_before_any_other(tmp_path: Path) -> None:
    other = {"invokeai_metadata": '{"positive_prompt": "other"}', "Comment": '{"uc": "", "prompt": "other"}'}
    save_picture(tmp_path / "a.png", pictures.rgb(), text=other | recipe_texts(FULL))
    assert read_recipe(tmp_path / "a.png") == FULL


def test_the_same_recipe_and_pixels_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_picture(tmp_path / name, pictures.rgb(), text=recipe_texts(FULL))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_recipe_with_an_embedded_mask_still_fits_a_jpeg(tmp_path: Path) -> None:
    noisy = np.random.default_rng(1).random((200, 300)).astype(np.float32)
    recipe = replace(FULL, mask=mask_fact(noisy))
    notes = save_picture(tmp_path / "a.jpg", pictures.rgb(), text=recipe_texts(recipe))
    assert any("too long for JPEG" in note for note in notes)
    assert read_recipe(tmp_path / "a.jpg").request.seed == FULL.request.seed


# --- masks ---------------------------------------------------------------------------------------------------------


def _soft() -> np.ndarray:
    return (np.arange(48, dtype=np.float32).reshape(6, 8) / np.float32(47)).astype(np.float32)


@pytest.mark.parametrize("mask", [_soft(), (_soft() > 0.5).astype(np.float32)], ids=["soft", "hard"])
def test_an_embedded_mask_comes_back_in_8_bits(mask: np.ndarray) -> None:
    fact = mask_fact(mask, expression="alpha", file="m.png")
    back = embedded_mask(fact)
    assert back is not None
    np.testing.assert_allclose(back, mask, atol=0.5 / 255 + 1e-6)  # half a step of 8 bits
    assert mask_hash(back) == fact.sha256 == mask_hash(mask)


def test_a_hard_mask_is_stored_in_one_bit_a_pixel() -> None:
    hard = np.zeros((512, 512), np.float32)
    hard[100:300, 50:400] = 1
    png = mask_fact(hard).png
    assert png is not None
    assert len(png) < 1000


def test_a_large_noisy_mask_is_remembered_by_its_hash_alone() -> None:
    noisy = np.random.default_rng(1).random((700, 700)).astype(np.float32)
    fact = mask_fact(noisy)
    assert fact.png is None
    assert fact.sha256 == mask_hash(noisy)
    assert embedded_mask(fact) is None


def test_hashes_tell_shapes_and_values_apart() -> None:
    a, b = np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32)
    c = a.copy()
    c[0, 0] = 1
    assert len({mask_hash(a), mask_hash(b), mask_hash(c)}) == 3
    assert pixels_hash(pictures.rgb()) != pixels_hash(pictures.rgb(seed=5))
    assert pixels_hash(pictures.rgb()) == pixels_hash(pictures.rgb()[:, ::-1][:, ::-1])


def test_a_damaged_or_swapped_embedded_mask_is_refused() -> None:
    fact = mask_fact(_soft())
    for wrong in (replace(fact, png="???"), replace(fact, png="AAAA"), replace(fact, sha256="0" * 64)):
        with pytest.raises(UsageError, match="give the mask again"):
            embedded_mask(wrong)


# --- names ---------------------------------------------------------------------------------------------------------


def test_every_sampler_of_ours_has_a_name_elsewhere_and_comes_back() -> None:
    assert set(module_names("retouch.samplers")) <= set(A1111_NAMES)
    for ours, theirs in A1111_NAMES.items():
        assert sampler_of(theirs) == (ours, None)
        assert sampler_of(ours) == (ours, None)


def test_every_schedule_of_ours_with_a_name_elsewhere_comes_back() -> None:
    assert set(A1111_SCHEDULES) <= set(module_names("retouch.schedules"))
    for ours, theirs in A1111_SCHEDULES.items():
        assert schedule_of(theirs, None) == ours
        assert schedule_of(ours, None) == ours


NAMES = [
    ("DPM++ 2M Karras", "dpmpp_2m", "karras"),
    ("DPM++ 2M SDE Exponential", "dpmpp_2m_sde", "exponential"),
    ("DPM++ SDE Karras", "dpmpp_sde", "karras"),
    ("DPM2 a Karras", "dpm2_a", "karras"),
    ("Euler a", "euler_a", None),
    ("euler_ancestral", "euler_a", None),
    ("k_euler_ancestral", "euler_a", None),
    ("k_dpmpp_2s_ancestral", "dpmpp_2s_a", None),
    ("k_dpmpp_2m", "dpmpp_2m", None),
    ("k_dpm_2_a", "dpm2_a", None),
    ("dpmpp_2m_sde_k", "dpmpp_2m_sde", "karras"),
    ("dpmpp_3m_sde_gpu", "dpmpp_3m_sde", None),
    ("kdpm_2_a_k", "dpm2_a", "karras"),
    ("lms_k", "lms", "karras"),
    ("euler_k", "euler", "karras"),
    ("ddim_v3", "ddim", None),
    ("dpm++2s_a", "dpmpp_2s_a", None),
    ("dpm++2m", "dpmpp_2m", None),
    ("uni_pc", "unipc", None),
    ("dpmpp_2s", None, None),
    ("dpm++2mv2", None, None),
    ("DPM++ 2M SDE Heun", None, None),
    ("plms", None, None),
    ("k", None, None),
    ("", None, None),
]


@pytest.mark.parametrize(("name", "sampler", "schedule"), NAMES, ids=[n[0] or "empty" for n in NAMES])
def test_names_of_other_tools(name: str, sampler: str | None, schedule: str | None) -> None:
    assert sampler_of(name) == (sampler, schedule)


def test_every_reader_finds_nothing_in_a_plain_picture() -> None:
    picture = load_picture(io.BytesIO(pictures.encoded(Image.fromarray(pictures.rgb()).convert("RGBA"))))
    for name in READERS:
        assert READERS[name](picture) is None
