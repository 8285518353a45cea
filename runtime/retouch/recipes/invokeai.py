"""Recipes of InvokeAI: the JSON text `invokeai_metadata` (version 3 and later) or `sd-metadata` (version 2)."""

import json
import re
from collections.abc import Mapping
from typing import Any

from retouch.picture import Picture
from retouch.recipe import ModelFact, PictureFact, Recipe
from retouch.recipes import READERS
from retouch.recipes._gather import Gathered

_USED = frozenset(
    {"positive_prompt", "negative_prompt", "seed", "steps", "cfg_scale", "cfg_rescale_multiplier", "scheduler"}
    | {"strength", "rand_device", "width", "height", "model", "app_version", "generation_mode"}
)
_RNG = {"cpu": "torch-cpu", "cuda": "torch-cuda"}
_WEIGHTED = re.compile(r"\(([^()]+)\)(\d+(?:\.\d+)?|\++|-+)")
_WORD = re.compile(r"(?<![\w()])([^\W\d_][\w']*)(\++|--+)(?=[\s,.;]|$)")


@READERS.register
def read(picture: Picture) -> Recipe | None:
    """Read whichever of the two is there."""
    data = _object(picture.text.get("invokeai_metadata"))
    if data is not None:
        return _from_metadata(data)
    old = _object(picture.text.get("sd-metadata"))
    return None if old is None else _from_old_metadata(old)


def _from_metadata(data: Mapping[str, Any]) -> Recipe:
    found = Gathered()
    found.prompt("prompt", data.get("positive_prompt"), from_compel)
    found.prompt("negative_prompt", data.get("negative_prompt"), from_compel)
    found.whole("seed", data.get("seed"), "seed")
    found.whole("steps", data.get("steps"), "steps")
    found.number("guidance", data.get("cfg_scale"), "cfg_scale")
    found.number("guidance_rescale", data.get("cfg_rescale_multiplier"), "cfg_rescale_multiplier")
    found.number("strength", data.get("strength"), "strength")
    found.sampler(data.get("scheduler"), None, "scheduler")
    found.take("rng", _RNG.get(str(data.get("rand_device", "cpu"))), "rand_device")
    found.rest(data, _USED)
    return Recipe(
        request=found.request(),
        model=_model(data.get("model")),
        picture=_picture(data),
        version=str(data["app_version"]) if "app_version" in data else None,
        source="invokeai",
        unmapped=found.unmapped(),
    )


def _from_old_metadata(data: Mapping[str, Any]) -> Recipe | None:
    image = data.get("image")
    if not isinstance(image, Mapping):
        return None
    found = Gathered()
    parts = image.get("prompt")
    texts = [str(p.get("prompt", "")) for p in parts if isinstance(p, Mapping)] if isinstance(parts, list) else [parts]
    whole = " ".join(text for text in texts if isinstance(text, str))
    undesired = re.findall(r"\[([^\[\]]*)\]", whole)  # version 2 wrote undesired content in square brackets
    found.prompt("prompt", re.sub(r"\s*\[[^\[\]]*\]", "", whole), from_compel)
    found.prompt("negative_prompt", ", ".join(undesired) if undesired else None, from_compel)
    found.whole("seed", image.get("seed"), "seed")
    found.whole("steps", image.get("steps"), "steps")
    found.number("guidance", image.get("cfg_scale"), "cfg_scale")
    found.number("strength", image.get("strength"), "strength")
    found.sampler(image.get("sampler"), None, "sampler")
    used = frozenset({"prompt", "seed", "steps", "cfg_scale", "strength", "sampler", "width", "height", "type"})
    found.rest(image, used)
    name = data.get("model_weights")
    return Recipe(
        request=found.request(),
        model=None if name is None else ModelFact(name=str(name), hash=_text(data.get("model_hash"))),
        picture=_picture(image),
        version=_text(data.get("app_version")),
        source="invokeai",
        unmapped=found.unmapped(),
    )


def from_compel(text: str) -> str:
    """Rewrite InvokeAI's weights, `(text)1.2`, `(text)++` and `word--`, as `(text:1.2)`."""
    grouped = _WEIGHTED.sub(lambda m: f"({m[1]}:{_weight(m[2])})", text)
    return _WORD.sub(lambda m: f"({m[1]}:{_weight(m[2])})", grouped)


def _weight(mark: str) -> str:
    value = {"+": 1.1, "-": 0.9}.get(mark[0])
    return mark if value is None else f"{round(value ** len(mark), 4):g}"


def _object(text: str | None) -> dict[str, Any] | None:
    try:
        data = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _model(data: object) -> ModelFact | None:
    if not isinstance(data, Mapping):
        return None
    name = data.get("name", data.get("model_name"))
    return None if name is None else ModelFact(name=str(name), hash=_text(data.get("hash")))


def _picture(data: Mapping[str, Any]) -> PictureFact | None:
    width, height = data.get("width"), data.get("height")
    return PictureFact(width=width, height=height) if isinstance(width, int) and isinstance(height, int) else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
