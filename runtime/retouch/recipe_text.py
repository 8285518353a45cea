"""Recipes as texts in picture files: `parameters`, which A1111 and its many relatives read, and our own JSON."""

from collections.abc import Iterator
from typing import Any

from retouch.a1111_text import joined
from retouch.recipe import Recipe
from retouch.sampler_names import A1111_NAMES, A1111_SCHEDULES

OWN_TEXT = "retouch"
"""Name of the text that holds our JSON."""
A1111_TEXT = "parameters"
NEGATIVE = "Negative prompt: "

_RNG = {"torch-cpu": "CPU", "torch-cuda": "NV"}
_CONTENT = {"fill": "fill", "latent_noise": "latent noise", "latent_nothing": "latent nothing"}


def recipe_texts(recipe: Recipe) -> dict[str, str]:
    """The texts for `save_picture`: A1111's `parameters` for other tools, and ours, which holds everything."""
    return {A1111_TEXT: parameters(recipe), OWN_TEXT: recipe.to_json()}


def parameters(recipe: Recipe) -> str:
    """The recipe in A1111's words: prompt, undesired content, one line of settings."""
    request = recipe.request
    negative = f"\n{NEGATIVE}{request.negative_prompt}" if request.negative_prompt else ""
    return f"{request.prompt}{negative}\n{joined(_settings(recipe))}"


def _settings(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    request, model, picture = recipe.request, recipe.model, recipe.picture
    if request.steps is not None:
        yield "Steps", request.steps
    if request.sampler is not None:
        yield "Sampler", A1111_NAMES.get(request.sampler, request.sampler)
    if request.schedule is not None:
        yield "Schedule type", A1111_SCHEDULES.get(request.schedule, request.schedule)
    if request.guidance is not None:
        yield "CFG scale", _short(request.guidance)
    yield "Seed", request.seed
    if picture is not None and picture.width is not None and picture.height is not None:
        yield "Size", f"{picture.width}x{picture.height}"
    if model is not None and model.hash is not None:
        yield "Model hash", model.hash[:10]
    if model is not None:
        yield "Model", model.name
    yield "Denoising strength", _short(request.strength)
    yield from _inpainting_settings(recipe)
    yield "Version", f"retouch {recipe.version}" if recipe.version is not None else "retouch"


def _inpainting_settings(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    request = recipe.request
    if request.area == "masked":
        yield "Inpaint area", "Only masked"
    elif request.area == "picture":
        yield "Inpaint area", "Whole picture"
    if request.padding is not None:
        yield "Masked area padding", request.padding
    if request.content in _CONTENT:
        yield "Masked content", _CONTENT[request.content]
    if request.rng in _RNG:
        yield "RNG", _RNG[request.rng]
    if request.variation_seed is not None:
        yield "Variation seed", request.variation_seed
        yield "Variation seed strength", _short(request.variation)


def _short(value: float) -> str:
    """The shortest decimal that reads back as the same number, without a needless `.0`."""
    return repr(float(value)).removesuffix(".0")
