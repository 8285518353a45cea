"""The fast preset: what it stands in for, by model.

The model whose noise levels were fitted (models/recipes/pocket/fit_fast.py) runs at those; of any other model two
steps in five are made, the last of them without guidance. docs/performance.md says what it costs and what it saves.
"""

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Literal

from retouch_models.families import FAMILIES
from retouch_models.manifest import Defaults, Manifest

if TYPE_CHECKING:
    from retouch.request import InpaintRequest

FastForm = Literal["fitted", "general"]
"""Whether the preset was fitted to the model, so that its likeness to exact pictures is known, or made for any."""
SHARE = 0.4
"""Of the model's own steps, where no levels were fitted."""
GUIDED = (0.0, 0.84)
"""Of those steps; guidance counts least at the end, where the picture is settled."""
FITTED_SAMPLER, SAMPLER = "dpmpp_2m_linear", "dpmpp_2m"
"""For levels that were fitted, which were fitted with it, and for others."""
FEW = 8
"""Models that need no more steps than this were made fast already and keep them."""


def hasten(request: "InpaintRequest", own: Defaults, levels: tuple[float, ...]) -> "InpaintRequest":
    """Fill in the preset for every option that is not given itself; what it stands for is then plain to see.

    `levels` are those of `fitted`.
    """
    decode = "masked" if request.decode is None else request.decode
    request = replace(request, fast=False, fast_form="general", decode=decode)
    if levels and request.steps is None and request.schedule is None and request.sigmas is None:
        return replace(request, sigmas=levels, sampler=FITTED_SAMPLER if request.sampler is None else request.sampler)
    if own.steps <= FEW or request.sigmas is not None:
        return request
    return replace(
        request,
        sampler=SAMPLER if request.sampler is None else request.sampler,
        steps=ceil(own.steps * SHARE) if request.steps is None else request.steps,
        guidance_interval=GUIDED if request.guidance_interval is None else request.guidance_interval,
    )


def fitted(manifest: Manifest) -> tuple[float, ...]:
    """Noise levels that were fitted to a model, falling; empty where none were.

    They hold for the weights that the family is named after: another network of its structure has its own.
    """
    if manifest.name != manifest.family or manifest.family not in FAMILIES.names():
        return ()
    return FAMILIES[manifest.family]().fast_sigmas


def form_of(request: "InpaintRequest", levels: tuple[float, ...]) -> FastForm:
    """Say which form the options of a hastened request are; one of the fitted ones changed makes it the general one."""
    return "fitted" if levels and (request.sigmas, request.sampler) == (levels, FITTED_SAMPLER) else "general"


def fast_words(form: FastForm) -> str:
    """What a user should know of a form."""
    if form == "fitted":
        return "noise levels fitted to this model"
    return "a form for any model, not fitted to this one: how near it comes to its exact pictures was not measured"
