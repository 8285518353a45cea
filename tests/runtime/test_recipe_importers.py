"""Recipes of other tools, in the form in which those tools write them."""

import gzip
import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.image_io import load_picture, save_picture
from retouch.recipe import ModelFact, PictureFact, Recipe
from retouch.recipes import read_recipe
from retouch.recipes.invokeai import from_compel
from retouch.recipes.stealth import hidden_text
from retouch.request import InpaintRequest
from support import pictures


def carried(texts: dict[str, str], extension: str = "png") -> Recipe:
    """The recipe of a picture file with these texts."""
    stream = io.BytesIO()
    save_picture(stream, pictures.rgb(), text=texts, format_name=extension)
    stream.seek(0)
    return read_recipe(stream)


def options(recipe: Recipe) -> dict[str, Any]:
    """The options that differ from the defaults."""
    defaults = InpaintRequest().to_data()
    return {name: value for name, value in recipe.request.to_data().items() if value != defaults[name]}


# --- A1111 and relatives -------------------------------------------------------------------------------------------

A1111 = """a cat, (sitting:1.2) on a mat, <lora:fur:0.8>
second line
Negative prompt: blurry, [ugly]
more of it
Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 1234567890123, Size: 512x768, Model hash: e1441589a6, \
Model: v1-5-pruned, Denoising strength: 0.75, Clip skip: 2, ENSD: 31337, Mask blur: 4, Inpaint area: Only masked, \
Masked area padding: 32, Masked content: latent noise, Hires upscale: 2, Hires upscaler: Latent, \
Lora hashes: "fur: 1a2b3c, other: 4d5e6f", Variation seed: 99, Variation seed strength: 0.2, Version: v1.6.0"""


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_a1111(extension: str) -> None:
    recipe = carried({"parameters": A1111}, extension)
    assert options(recipe) == {
        "prompt": "a cat, (sitting:1.2) on a mat,\nsecond line",
        "negative_prompt": "blurry, (ugly:0.9091)\nmore of it",
        "steps": 28,
        "sampler": "dpmpp_2m",
        "schedule": "karras",
        "guidance": 7.0,
        "seed": 1234567890123,
        "rng": "torch-cuda",
        "strength": 0.75,
        "padding": 32,
        "content": "latent_noise",
        "variation_seed": 99,
        "variation": 0.2,
    }
    assert recipe.model == ModelFact(name="v1-5-pruned", hash="e1441589a6")
    assert recipe.picture == PictureFact(width=512, height=768)
    assert (recipe.source, recipe.version) == ("a1111", "v1.6.0")
    assert set(recipe.unmapped) == {
        "network: lora:fur:0.8",
        "Clip skip: 2",
        "ENSD: 31337",
        "Mask blur: 4",
        "Hires upscale: 2",
        "Hires upscaler: Latent",
        "Lora hashes: fur: 1a2b3c, other: 4d5e6f",
    }


def read_line(line: str, prompt: str = "p") -> Recipe:
    return carried({"parameters": f"{prompt}\n{line}"})


A1111_LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "schedule of its own field": (
        "Steps: 5, Sampler: DPM++ 3M SDE, Schedule type: SGM Uniform",
        {"steps": 5, "sampler": "dpmpp_3m_sde", "schedule": "sgm_uniform", "rng": "torch-cuda"},
    ),
    "automatic schedule": (
        "Steps: 5, Sampler: DPM++ 2M, Schedule type: Automatic",
        {"steps": 5, "sampler": "dpmpp_2m", "schedule": "karras", "rng": "torch-cuda"},
    ),
    "automatic schedule of a plain sampler": (
        "Steps: 5, Sampler: Euler a, Schedule type: Automatic",
        {"steps": 5, "sampler": "euler_a", "schedule": "model", "rng": "torch-cuda"},
    ),
    "whole picture inpainting": (
        "Steps: 5, Mask blur: 4, RNG: CPU",
        {"steps": 5, "area": "picture", "rng": "torch-cpu"},
    ),
    "soft inpainting": (
        "Steps: 5, Soft inpainting enabled: True, RNG: NV",
        {"steps": 5, "denoising": "soft", "rng": "torch-cuda"},
    ),
    "stable-diffusion.cpp": (
        "Steps: 20, CFG scale: 7.000000, Guidance: 3.500000, Eta: 0.000000, Seed: 42, Size: 512x512, "
        "Model: sd-v1-4.ckpt, RNG: cuda, Sampler: euler_a karras, Version: stable-diffusion.cpp",
        {
            "steps": 20,
            "guidance": 7.0,
            "seed": 42,
            "rng": "torch-cuda",
            "sampler": "euler_a",
            "schedule": "karras",
        },
    ),
    "list of resources in the middle": (
        'Steps: 5, Civitai resources: [{"type":"checkpoint","id":1},{"type":"lora"}], Seed: 6, RNG: CPU',
        {"steps": 5, "seed": 6, "rng": "torch-cpu"},
    ),
}


@pytest.mark.parametrize(("line", "expected"), A1111_LINES.values(), ids=A1111_LINES.keys())
def test_a1111_settings(line: str, expected: dict[str, Any]) -> None:
    assert options(read_line(line)) == {"prompt": "p"} | expected


def test_a1111_values_that_do_not_fit_are_reported() -> None:
    recipe = read_line("Steps: lots, Sampler: PLMS, CFG scale: 7, Seed: -1, Denoising strength: 0, RNG: dice, x: 1")
    assert options(recipe) == {"prompt": "p", "guidance": 7.0}
    for part in ("Steps: lots", "Sampler: PLMS", "Seed: -1", "Denoising strength: 0", "RNG: dice"):
        assert any(part in told for told in recipe.unmapped), part


def test_a1111_prompts_without_counterpart_are_kept_and_reported() -> None:
    recipe = read_line("Steps: 5", prompt="a [cat:dog:0.5] here")
    assert recipe.request.prompt == "a [cat:dog:0.5] here"
    assert any("prompt kept as written" in told for told in recipe.unmapped)


@pytest.mark.parametrize(
    ("text", "prompt", "negative"),
    [
        ("Steps: 5, Seed: 1", "", ""),
        ("\nNegative prompt: bad\nSteps: 5, Seed: 1", "", "bad"),
        ("Negative prompt: bad\nSteps: 5, Seed: 1", "", "bad"),
        ("one\ntwo\nNegative prompt: three\nfour\nSteps: 5, Seed: 1", "one\ntwo", "three\nfour"),
    ],
    ids=["settings only", "empty prompt", "stripped", "many lines"],
)
def test_where_a1111_prompts_end(text: str, prompt: str, negative: str) -> None:
    recipe = carried({"parameters": text})
    assert (recipe.request.prompt, recipe.request.negative_prompt) == (prompt, negative)


@pytest.mark.parametrize("text", ["just a prompt", "Seed: the beginning of it all", "a: b, c: d, e: f", ""])
def test_other_texts_are_no_a1111_recipe(text: str) -> None:
    with pytest.raises(ValueError, match="no recipe"):
        carried({"parameters": text})


# --- NovelAI -------------------------------------------------------------------------------------------------------

NOVELAI_COMMENT = {
    "prompt": "1girl, {{red hair}}, [hat]",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "uncond_scale": 1.0,
    "cfg_rescale": 0.2,
    "seed": 1537244342,
    "n_samples": 1,
    "noise_schedule": "karras",
    "legacy_v3_extend": False,
    "sampler": "k_dpmpp_2s_ancestral",
    "strength": 0.7,
    "noise": 0.1,
    "add_original_image": False,
    "uc": "lowres, (bad)",
    "sm": False,
    "prefer_brownian": True,
    "request_type": "NativeInfillingRequest",
    "signed_hash": "abc",
}
NOVELAI = {
    "Title": "AI generated image",
    "Description": "1girl, {{red hair}}, [hat]",
    "Software": "NovelAI",
    "Source": "Stable Diffusion XL 7BCCAA2C",
    "Comment": json.dumps(NOVELAI_COMMENT),
}
NOVELAI_OPTIONS = {
    "prompt": "1girl, {{red hair}}, [hat]",
    "negative_prompt": r"lowres, \(bad\)",
    "steps": 28,
    "guidance": 5.0,
    "guidance_rescale": 0.2,
    "seed": 1537244342,
    "sampler": "dpmpp_2s_a",
    "schedule": "karras",
    "strength": 0.7,
    "overlay": False,
}


def test_novelai() -> None:
    recipe = carried(NOVELAI)
    assert options(recipe) == NOVELAI_OPTIONS
    assert recipe.model == ModelFact(name="Stable Diffusion XL 7BCCAA2C")
    assert recipe.picture == PictureFact(width=832, height=1216)
    assert recipe.source == "novelai"
    assert set(recipe.unmapped) == {"noise: 0.1", "prefer_brownian: true"}


def test_novelai_version_4_prompts() -> None:
    comment = NOVELAI_COMMENT | {
        "v4_prompt": {"caption": {"base_caption": "1.2::castle::", "char_captions": [{"char_caption": "a girl"}]}},
        "v4_negative_prompt": {"caption": {"base_caption": "fog", "char_captions": []}},
        "noise_schedule": "native",
        "sampler": "k_euler_ancestral",
    }
    recipe = carried(NOVELAI | {"Comment": json.dumps(comment)})
    assert recipe.request.prompt == "1.2::castle::"
    assert recipe.request.negative_prompt == "fog"
    assert (recipe.request.sampler, recipe.request.schedule) == ("euler_a", "model")
    assert "v4_prompt character: a girl" in recipe.unmapped


def hide(payload: bytes, magic: bytes, shape: tuple[int, int] = (64, 48), length: int | None = None) -> np.ndarray:
    """An opaque opacity (H, W) with a payload in its lowest bits, as published for the stealth format."""
    bits_said = len(payload) * 8 if length is None else length
    data = magic + bits_said.to_bytes(4, "big") + payload
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    height, width = shape
    alpha = np.full((height, width), 255, np.uint8)
    for index, bit in enumerate(bits):
        alpha[index % height, index // height] = 254 | bit
    return alpha


def file_with(alpha: np.ndarray) -> io.BytesIO:
    stream = io.BytesIO()
    save_picture(stream, pictures.rgb(alpha.shape[1], alpha.shape[0]), alpha=alpha)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("shape", [(64, 96), (96, 64), (7, 900), (6001, 1)], ids=str)
def test_novelai_hidden_in_the_opacity(shape: tuple[int, int]) -> None:
    alpha = hide(gzip.compress(json.dumps(NOVELAI).encode()), b"stealth_pngcomp", shape)
    recipe = read_recipe(file_with(alpha))
    assert options(recipe) == NOVELAI_OPTIONS
    assert recipe.source == "novelai"


def test_a_comment_that_is_an_object_already() -> None:
    texts = NOVELAI | {"Comment": NOVELAI_COMMENT}
    alpha = hide(json.dumps(texts).encode(), b"stealth_pnginfo", (128, 96))
    assert options(read_recipe(file_with(alpha))) == NOVELAI_OPTIONS


def test_a1111_text_hidden_in_the_opacity() -> None:
    alpha = hide("a cät\nSteps: 3, Seed: 5".encode(), b"stealth_pnginfo")
    assert read_recipe(file_with(alpha)).request.prompt == "a cät"


def test_hiding_changes_no_more_than_the_last_bit() -> None:
    alpha = hide(b"a\nSteps: 3", b"stealth_pnginfo")
    picture = load_picture(file_with(alpha))
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha, alpha)


PACKED = gzip.compress(b"hello")
NOT_HIDDEN: dict[str, np.ndarray] = {
    "nothing": np.full((64, 64), 255, np.uint8),
    "tiny": np.full((2, 2), 254, np.uint8),
    "another magic": hide(b"x", b"stealth_pngwhat"),
    "length beyond the picture": hide(PACKED, b"stealth_pngcomp", length=2**32 - 1),
    "no payload": hide(b"", b"stealth_pngcomp"),
    "not gzip": hide(b"not gzip at all", b"stealth_pngcomp"),
    "cut gzip header": hide(PACKED[:4], b"stealth_pngcomp"),
    "not text": hide(b"\xff\xfe\xfd", b"stealth_pnginfo"),
}


@pytest.mark.parametrize("alpha", NOT_HIDDEN.values(), ids=NOT_HIDDEN.keys())
def test_absent_and_corrupt_hidden_texts_are_no_recipe(alpha: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no recipe"):
        read_recipe(file_with(alpha))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.integers(1, 40), height=st.integers(1, 40), flips=st.integers(0, 20))
def test_damaged_hidden_texts_never_crash(seed: int, width: int, height: int, flips: int) -> None:
    rng = np.random.default_rng(seed)
    alpha = hide(PACKED, b"stealth_pngcomp", (40, 40))[:height, :width].copy()
    alpha.flat[rng.integers(0, alpha.size, flips)] ^= 1
    assert hidden_text(alpha) is None or isinstance(hidden_text(alpha), str)


def test_a_hidden_gzip_bomb_is_cut_off() -> None:
    bomb = gzip.compress(bytes(100 << 20))
    side = int((len(bomb) * 8 + 200) ** 0.5) + 1
    bits = np.unpackbits(np.frombuffer(b"stealth_pngcomp" + (len(bomb) * 8).to_bytes(4, "big") + bomb, np.uint8))
    flat = np.full(side * side, 254, np.uint8)
    flat[: bits.size] |= bits
    text = hidden_text(flat.reshape(side, side).T)
    assert text is None or len(text) <= 1 << 24


# --- InvokeAI ------------------------------------------------------------------------------------------------------

INVOKE = {
    "app_version": "5.0.0",
    "generation_mode": "inpaint",
    "positive_prompt": "a castle, (gold)1.3, sky++",
    "negative_prompt": "fog--",
    "width": 768,
    "height": 432,
    "seed": 356120443,
    "rand_device": "cpu",
    "cfg_scale": 7.5,
    "cfg_rescale_multiplier": 0.1,
    "steps": 50,
    "scheduler": "dpmpp_2m_sde_k",
    "clip_skip": 0,
    "model": {"key": "k", "hash": "blake3:12", "name": "amixx", "base": "sd-1", "type": "main"},
    "strength": 0.6,
    "loras": [{"model": {"name": "fur"}, "weight": 0.5}],
    "controlnets": [],
    "vae": None,
}


def test_invokeai() -> None:
    recipe = carried({"invokeai_metadata": json.dumps(INVOKE), "invokeai_graph": "{}"})
    assert options(recipe) == {
        "prompt": "a castle, (gold:1.3), (sky:1.21)",
        "negative_prompt": "(fog:0.81)",
        "seed": 356120443,
        "rng": "torch-cpu",
        "guidance": 7.5,
        "guidance_rescale": 0.1,
        "steps": 50,
        "sampler": "dpmpp_2m_sde",
        "schedule": "karras",
        "strength": 0.6,
    }
    assert recipe.model == ModelFact(name="amixx", hash="blake3:12")
    assert (recipe.source, recipe.version) == ("invokeai", "5.0.0")
    assert len(recipe.unmapped) == 1
    assert recipe.unmapped[0].startswith("loras: ")


def test_invokeai_3_names_its_model_differently() -> None:
    data = INVOKE | {"model": {"model_name": "old", "base_model": "sd-1"}, "scheduler": "pndm"}
    recipe = carried({"invokeai_metadata": json.dumps(data)})
    assert recipe.model == ModelFact(name="old")
    assert recipe.request.sampler is None
    assert "scheduler: pndm" in recipe.unmapped


def test_invokeai_2() -> None:
    old = {
        "model": "stable diffusion",
        "model_weights": "sd-1.5",
        "model_hash": "cc6c",
        "app_version": "2.2.5",
        "image": {
            "type": "img2img",
            "prompt": [{"prompt": "a cat [ugly, low]", "weight": 1}],
            "steps": 30,
            "cfg_scale": 8,
            "seed": 7,
            "sampler": "k_lms",
            "strength": 0.5,
            "width": 512,
            "height": 512,
        },
    }
    recipe = carried({"sd-metadata": json.dumps(old)})
    assert options(recipe) == {
        "prompt": "a cat",
        "negative_prompt": "ugly, low",
        "steps": 30,
        "guidance": 8.0,
        "seed": 7,
        "sampler": "lms",
        "strength": 0.5,
    }
    assert recipe.model == ModelFact(name="sd-1.5", hash="cc6c")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("plain, words", "plain, words"),
        ("(two words)+", "(two words:1.1)"),
        ("(two words)--", "(two words:0.81)"),
        ("cat+ dog", "(cat:1.1) dog"),
        ("well-known, C++", "well-known, (C:1.21)"),
        ("(a)1.5 (b)0.5", "(a:1.5) (b:0.5)"),
    ],
    ids=lambda text: text,
)
def test_compel_weights(theirs: str, ours: str) -> None:
    assert from_compel(theirs) == ours


# --- ComfyUI -------------------------------------------------------------------------------------------------------

COMFY: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 156680208700286,
            "steps": 20,
            "cfg": 8,
            "sampler_name": "dpmpp_2m",
            "scheduler": "karras",
            "denoise": 0.9,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["11", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 640, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["12", 0], "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["4", 1]}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "fur.safetensors", "model": ["4", 0]}},
    "11": {"class_type": "ControlNetApply", "inputs": {"conditioning": ["7", 0], "strength": 1.0}},
    "12": {"class_type": "PrimitiveString", "inputs": {"value": "a (cat:1.2)"}},
}


def test_comfyui() -> None:
    recipe = carried({"prompt": json.dumps(COMFY), "workflow": "{}"})
    assert options(recipe) == {
        "prompt": "a (cat:1.2)",
        "negative_prompt": "watermark",
        "seed": 156680208700286,
        "rng": "torch-cpu",
        "steps": 20,
        "guidance": 8.0,
        "sampler": "dpmpp_2m",
        "schedule": "karras",
        "strength": 0.9,
    }
    assert recipe.model == ModelFact(name="v1-5.safetensors")
    assert recipe.picture == PictureFact(width=512, height=640)
    assert recipe.unmapped == ("network: fur.safetensors",)


def test_comfyui_graphs_with_loops_and_loose_ends_end() -> None:
    graph = {
        "1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "model": ["9", 0], "seed": ["3", 0]}},
        "2": {"class_type": "Combine", "inputs": {"a": ["2", 0], "b": ["1", 0]}},
        "3": {"class_type": "SeedNode", "inputs": {"seed": 77}},
        "4": {"class_type": "KSampler", "inputs": {}},
    }
    recipe = carried({"prompt": json.dumps(graph)})
    assert recipe.request.seed == 77
    assert recipe.request.prompt == ""
    assert any("2 in the graph" in told for told in recipe.unmapped)


def test_a_graph_without_sampler_is_no_recipe() -> None:
    with pytest.raises(ValueError, match="no recipe"):
        carried({"prompt": json.dumps({"1": {"class_type": "LoadImage", "inputs": {}}})})
