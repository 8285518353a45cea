"""The fast preset: what it stands in for, by model.

A family whose noise levels were fitted (models/recipes/pocket/fit_fast.py) runs at those; of any other model two
steps in five are made, the last of them without guidance. docs/performance.md says what it costs and what it saves.
"""

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from retouch_models.families import FAMILIES
from retouch_models.manifest import Manifest

if TYPE_CHECKING:
    from retouch.request import InpaintRequest

SHARE = 0.4
"""Of the model's own steps, where no levels were fitted."""
GUIDED = (0.0, 0.84)
"""Of those steps; guidance counts least at the end, where the picture is settled."""
FITTED_SAMPLER, SAMPLER = "dpmpp_2m_linear", "dpmpp_2m"
"""For levels that were fitted, which were fitted with it, and for others."""
FEW = 8
"""Models that need no more steps than this were made fast already and keep them."""


def hasten(request: "InpaintRequest", manifest: Manifest) -> "InpaintRequest":
    """Fill in the preset for every option that is not given itself; what it stands for is then plain to see."""
    request = replace(request, fast=False, decode="masked" if request.decode is None else request.decode)
    levels = fitted(manifest.family)
    if levels and request.steps is None and request.schedule is None and request.sigmas is None:
        return replace(request, sigmas=levels, sampler=FITTED_SAMPLER if request.sampler is None else request.sampler)
    own = manifest.defaults
    if own.steps <= FEW or request.sigmas is not None:
        return request
    return replace(
        request,
        sampler=SAMPLER if request.sampler is None else request.sampler,
        steps=ceil(own.steps * SHARE) if request.steps is None else request.steps,
        guidance_interval=GUIDED if request.guidance_interval is None else request.guidance_interval,
    )


def fitted(family: str) -> tuple[float, ...]:
    """Noise levels that were fitted to a family, falling; empty where none were."""
    return FAMILIES[family]().fast_sigmas if family in FAMILIES.names() else ()
