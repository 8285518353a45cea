"""Recipes of NovelAI: the texts Software, Source, Description and Comment, the last a JSON object with the settings."""

import json
from collections.abc import Mapping
from typing import Any

from retouch.picture import Picture
from retouch.prompt import from_novelai
from retouch.recipe import ModelFact, PictureFact, Recipe
from retouch.recipes import READERS
from retouch.recipes._gather import Gathered

_USED = frozenset(
    {"prompt", "uc", "seed", "steps", "scale", "cfg_rescale", "sampler", "noise_schedule", "strength"}
    | {"width", "height", "add_original_image", "v4_prompt", "v4_negative_prompt"}
    | {"n_samples", "version", "request_type", "signed_hash", "mask", "image", "uncond_scale", "params_version"}
)


@READERS.register
def read(picture: Picture) -> Recipe | None:
    """Read the texts."""
    return from_texts(picture.text)


def from_texts(texts: Mapping[str, Any]) -> Recipe | None:
    """Read such texts; None when they are another tool's."""
    data = _settings(texts.get("Comment"))
    if data is None or not ("uc" in data or str(texts.get("Software", "")).startswith("NovelAI")):
        return None
    found = Gathered()
    found.prompt("prompt", _caption(data, "v4_prompt", data.get("prompt", texts.get("Description"))), from_novelai)
    found.prompt("negative_prompt", _caption(data, "v4_negative_prompt", data.get("uc")), from_novelai)
    found.whole("seed", data.get("seed"), "seed")
    found.whole("steps", data.get("steps"), "steps")
    found.number("guidance", data.get("scale"), "scale")
    found.number("guidance_rescale", data.get("cfg_rescale"), "cfg_rescale")
    found.number("strength", data.get("strength"), "strength")
    found.sampler(data.get("sampler"), data.get("noise_schedule"), "sampler")
    found.take("overlay", data.get("add_original_image"), "add_original_image")
    for name in ("v4_prompt", "v4_negative_prompt"):
        for caption in _characters(data.get(name)):
            found.leave(f"{name} character", caption)
    found.rest(data, _USED)
    source = texts.get("Source")
    width, height = data.get("width"), data.get("height")
    return Recipe(
        request=found.request(),
        model=None if source is None else ModelFact(name=str(source)),
        picture=PictureFact(width=width, height=height) if isinstance(width, int) and isinstance(height, int) else None,
        source="novelai",
        unmapped=found.unmapped(),
    )


def _settings(comment: object) -> dict[str, Any] | None:
    try:
        data = json.loads(comment) if isinstance(comment, str) else comment
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _caption(data: Mapping[str, Any], name: str, otherwise: object) -> object:
    """The main caption of a version 4 prompt, or the plain prompt."""
    caption = _inner(data.get(name)).get("base_caption")
    return caption if isinstance(caption, str) and caption else otherwise


def _characters(prompt: object) -> list[str]:
    characters = _inner(prompt).get("char_captions")
    listed = characters if isinstance(characters, list) else []
    return [str(c["char_caption"]) for c in listed if isinstance(c, Mapping) and c.get("char_caption")]


def _inner(prompt: object) -> Mapping[str, Any]:
    caption = prompt.get("caption") if isinstance(prompt, Mapping) else None
    return caption if isinstance(caption, Mapping) else {}
