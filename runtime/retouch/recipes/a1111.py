"""Recipes of Stable Diffusion web UI (A1111) and everything that writes its `parameters` text: Forge, SD.Next,
stable-diffusion.cpp, Fooocus in its A1111 mode, and this product for others to read."""

import re

from retouch.a1111_text import split_fields
from retouch.picture import Picture
from retouch.prompt import from_a1111
from retouch.recipe import ModelFact, PictureFact, Recipe
from retouch.recipe_text import A1111_TEXT, NEGATIVE
from retouch.recipes import READERS
from retouch.recipes._gather import Gathered

_USED = frozenset(
    {"Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "Model hash", "Denoising strength"}
    | {"Version", "Variation seed", "Variation seed strength", "Extra noise", "RNG", "Inpaint area", "retouch"}
    | {"Masked area padding", "Masked content", "Soft inpainting enabled"}
)
_RNG = {"CPU": "torch-cpu", "NV": "torch-cuda", "GPU": "torch-cuda", "cpu": "torch-cpu", "cuda": "torch-cuda"}
_AREAS = {"Only masked": "masked", "Whole picture": "picture"}
_CONTENTS = {
    "fill": "fill",
    "original": "original",
    "latent noise": "latent_noise",
    "latent nothing": "latent_nothing",
}
_ENOUGH = 3
"""Fewer settings than that could be the last line of a prompt."""
_NETWORK = re.compile(r"\s*<(\w+:[^<>]*)>")
_OWN_VERSION = re.compile(r"retouch(?: (\S+))?")


@READERS.register
def read(picture: Picture) -> Recipe | None:
    """Read the `parameters` text."""
    return from_parameters(picture.text.get(A1111_TEXT, ""))


def from_parameters(text: str) -> Recipe | None:
    """Read such a text; None when it is something else."""
    prompts, _, settings = text.rstrip("\n").rpartition("\n")
    fields = split_fields(settings)
    if "Steps" not in fields and not ("Seed" in fields and len(fields) >= _ENOUGH):
        return None
    head = f"\n{prompts}".split(f"\n{NEGATIVE}", 1)
    own = _OWN_VERSION.fullmatch(fields.get("Version", ""))
    found = Gathered()
    for option, prompt in zip(("prompt", "negative_prompt"), (head[0][1:], *head[1:]), strict=False):
        found.prompt(option, prompt if own else _without_networks(prompt, found), str if own else from_a1111)
    _gather(found, fields, is_own=own is not None)
    width, height = _size(fields.get("Size", ""))
    return Recipe(
        request=found.request(),
        model=ModelFact(name=fields["Model"], hash=fields.get("Model hash")) if "Model" in fields else None,
        picture=None if width is None else PictureFact(width=width, height=height),
        version=own[1] if own else fields.get("Version"),
        source="retouch" if own else "a1111",
        unmapped=found.unmapped(),
    )


def _gather(found: Gathered, fields: dict[str, str], *, is_own: bool) -> None:
    found.whole("steps", fields.get("Steps"), "Steps")
    found.sampler(fields.get("Sampler"), fields.get("Schedule type"), "Sampler")
    found.number("guidance", fields.get("CFG scale"), "CFG scale")
    found.whole("seed", fields.get("Seed"), "Seed")
    found.number("strength", fields.get("Denoising strength"), "Denoising strength")
    found.whole("variation_seed", fields.get("Variation seed"), "Variation seed")
    found.number("variation", fields.get("Variation seed strength"), "Variation seed strength")
    found.number("extra_noise", fields.get("Extra noise"), "Extra noise")
    found.whole("padding", fields.get("Masked area padding"), "Masked area padding")
    _choose(found, "rng", fields, "RNG", _RNG, None if is_own else "torch-cuda")
    area = "picture" if "Mask blur" in fields else None  # A1111 names the area only when it is the masked one
    _choose(found, "area", fields, "Inpaint area", _AREAS, area)
    _choose(found, "content", fields, "Masked content", _CONTENTS, None)
    if fields.get("Soft inpainting enabled") == "True":
        found.take("denoising", "soft", "Soft inpainting enabled")
    found.rest(fields, _USED)


def _choose(
    found: Gathered, option: str, fields: dict[str, str], name: str, ours: dict[str, str], default: str | None
) -> None:
    value = fields.get(name)
    found.take(option, default if value is None else ours.get(value), name)
    if value is not None and value not in ours:
        found.leave(name, value)


def _without_networks(prompt: str, found: Gathered) -> str:
    """Take `<lora:name:weight>` out of a prompt and report it: the runtime merges nothing into models."""
    for network in _NETWORK.findall(prompt):
        found.leave("network", network)
    return _NETWORK.sub("", prompt)


def _size(text: str) -> tuple[int | None, int | None]:
    size = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    return (int(size[1]), int(size[2])) if size else (None, None)
