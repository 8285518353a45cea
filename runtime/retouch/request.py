"""What the user asks for: every option of a run, in one value that can be stored and replayed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, Literal, TypeVar

from retouch.errors import UnknownName, UsageError
from retouch.fast import FastForm, fitted, form_of, hasten
from retouch_models.decode import LATER, Misfit, decode, encode
from retouch_models.manifest import Defaults, Manifest
from retouch_models.registry import module_names

T = TypeVar("T")

LARGEST_SEED = 2**64 - 1
MOST_STEPS = 1000
MOST_DRAFTS = 100

Regions = Literal["auto", "one", "each"]
Denoising = Literal["plain", "differential", "soft"]
LatentMask = Literal["max", "nearest"]
Decode = Literal["whole", "masked"]


@dataclass(frozen=True, kw_only=True)
class InpaintRequest:
    """One run on one picture and mask; no arrays inside, so it goes into recipes, histories and goldens.

    `None` means "what suits the model" for options that models have defaults for, and "automatic" for lengths.
    Lengths are picture pixels. UsageError names the option, its range and the value.
    """

    prompt: str = ""
    """What to paint; empty removes the thing and continues the surroundings."""
    negative_prompt: str = ""
    """Undesired content."""
    prompt_syntax: Literal["weighted", "literal"] = "weighted"
    """Whether brackets and numbers weigh words, or are plain text."""
    steps: int | None = None
    guidance: float | None = None
    """Classifier-free guidance scale: uncond + guidance * (cond - uncond); 1 runs the prompt alone."""
    guidance_rescale: float = 0.0
    """0..1; lessens over-exposure at high guidance (Lin et al. 2024)."""
    guidance_interval: tuple[float, float] | None = None
    """Shares of the run, 0..1, from and until which guidance acts; outside the prompt runs alone, at half the cost."""
    sampler: str | None = None
    schedule: str | None = None
    sigmas: tuple[float, ...] | None = field(default=None, metadata=LATER)
    """Noise levels to visit, falling, without the 0 at the end; they take the place of `steps` and `schedule`."""
    fast: bool = field(default=False, metadata=LATER)
    """Stand in for options that are not given what makes the model fast (`retouch.fast`)."""
    fast_form: FastForm | None = field(default=None, metadata=LATER)
    """What `fast` stood in; a label that changes nothing, kept by recipes."""
    strength: float = 1.0
    """1 starts from noise; less starts from the picture and keeps its structure."""
    exact_steps: bool = False
    """With strength below 1: really run `steps` steps instead of that share of them."""
    seed: int = 0
    rng: str = "numpy"
    """Source of the noise: `numpy`; `torch-cpu` and `torch-cuda` replay seeds of other tools."""
    variation_seed: int | None = None
    variation: float = 0.0
    """0..1; how far the noise moves from `seed` towards `variation_seed`."""
    extra_noise: float = 0.0
    """0..1; noise added to the starting latents when strength is below 1."""
    area: str = "masked"
    """`masked` works on a box around the mask, `picture` on all of it, `X,Y WxH` on a given box."""
    padding: int | None = None
    """Context around the mask inside the working box."""
    work_size: tuple[int, int] | None = None
    """Width and height at which the model works."""
    regions: Regions = "auto"
    """Whether distant parts of the mask are generated separately."""
    content: str = "original"
    """What stands under the mask when strength is below 1."""
    denoising: Denoising = "plain"
    """How soft mask values act: `plain` thresholds them, the others let grey areas change less."""
    latent_mask: LatentMask = "max"
    """How mask pixels become latent cells; `max` loses no stroke, `nearest` is what other tools do."""
    coherence: int = 0
    """Width of a ring around the mask that is re-drawn a little, so that edges join."""
    coherence_strength: float = 0.3
    """0..1; least denoising inside that ring."""
    feather: float | None = None
    """Width of the fade inside the mask's edge; 0 is a hard edge."""
    feather_out: float = 0.0
    """Width of a fade outside the mask's edge; pixels in it change."""
    blend: str | None = None
    """How the new part is joined to the old one; None is what suits the model."""
    colour_match: str = "none"
    overlay: bool = True
    """Lay the untouched original over everything outside the mask."""
    best_of: int = field(default=1, metadata=LATER)
    """Drafts, from this seed on, of which the one most like the prompt is painted (`retouch.best_of`)."""
    decode: Decode | None = field(default=None, metadata=LATER)
    """`masked` decodes the surroundings of the mask alone where the rest is not used; `whole` is what None means."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _within("steps", self.steps, 1, MOST_STEPS)
        if self.sigmas is not None:
            _check_sigmas(self.sigmas, self.steps)
        _within("guidance", self.guidance, 0, 100)
        _within("guidance-rescale", self.guidance_rescale, 0, 1)
        if self.guidance_interval is not None:
            start, stop = self.guidance_interval
            _within("guidance-interval", start, 0, 1)
            _within("guidance-interval", stop, 0, 1)
            if start > stop:
                raise UsageError(f"--guidance-interval must rise, as in 0,0.6, not {start:g},{stop:g}")
        _within("seed", self.seed, 0, LARGEST_SEED)
        _within("best-of", self.best_of, 1, MOST_DRAFTS)
        _within("variation-seed", self.variation_seed, 0, LARGEST_SEED)
        _within("variation", self.variation, 0, 1)
        _within("extra-noise", self.extra_noise, 0, 1)
        _within("padding", self.padding, 0, 8192)
        _within("coherence", self.coherence, 0, 1024)
        _within("coherence-strength", self.coherence_strength, 0, 1)
        _within("feather", self.feather, 0, 4096)
        _within("feather-out", self.feather_out, 0, 4096)
        _within("strength", self.strength, 0, 1)
        if self.strength == 0:
            raise UsageError("--strength 0 would change nothing; give a number above 0, up to 1")

    def resolved(self, manifest: Manifest) -> "InpaintRequest":
        """Fill in the model's defaults and check every name; UnknownName carries the nearest one."""
        full = self.filled(manifest.defaults, fitted(manifest))
        if full.best_of > 1 and not manifest.ranks:
            raise UsageError(f"{manifest.name} has no ranker, which --best-of needs; give --count and choose yourself")
        for kind, name, known in (
            ("sampler", full.sampler, module_names("retouch.samplers")),
            ("schedule", full.schedule, module_names("retouch.schedules")),
            ("blend", full.blend, module_names("retouch.blend")),
            (
                "masked content",
                full.content,
                (*module_names("retouch.content"), *module_names("retouch.latent_content")),
            ),
            ("colour match", full.colour_match, COLOUR_MATCHES),
            ("noise", full.rng, NOISES),
        ):
            if name not in known:
                raise UnknownName(kind, str(name), known)
        return full

    def filled(self, own: Defaults, levels: tuple[float, ...]) -> "InpaintRequest":
        """Fill in a model's defaults, and what makes it fast; `levels` are those that were fitted to it."""
        asked = hasten(self, own, levels) if self.fast else self
        steps = own.steps if asked.sigmas is None else len(asked.sigmas)
        full = replace(
            asked,
            steps=steps if asked.steps is None else asked.steps,
            guidance=own.guidance if asked.guidance is None else asked.guidance,
            sampler=own.sampler if asked.sampler is None else asked.sampler,
            schedule=own.schedule if asked.schedule is None else asked.schedule,
            blend=own.blend if asked.blend is None else asked.blend,
            best_of=asked.best_of if asked.prompt.strip() else 1,
        )
        return full if full.fast_form is None else replace(full, fast_form=form_of(full, levels))

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values of every option."""
        data: dict[str, Any] = encode(self)
        return data


COLOUR_MATCHES = ("none", "lab", "histogram")
"""Names of `retouch.colour.KINDS`, here so that asking for them imports nothing heavy."""
NOISES = ("numpy", "torch-cpu", "torch-cuda")
"""Names of `retouch.noise.KINDS`."""

OPTIONS = tuple(f.name for f in fields(InpaintRequest))
"""Names of all options of a request."""


def request_from_data(data: Mapping[str, Any]) -> InpaintRequest:
    """Rebuild a request from `to_data`; UsageError names the option that does not fit."""
    try:
        return decode(InpaintRequest, data)
    except Misfit as misfit:
        raise UsageError(f"the recipe's option {misfit}") from None


def given(value: T | None) -> T:
    """Return an option of a resolved request, which is never None."""
    if value is None:
        raise ValueError("the request was not resolved against a model")
    return value


def _check_sigmas(sigmas: tuple[float, ...], steps: int | None) -> None:
    falling = all(one > next_one for one, next_one in pairwise((*sigmas, 0.0)))
    if not (falling and 1 <= len(sigmas) <= MOST_STEPS and all(math.isfinite(s) for s in sigmas)):
        raise UsageError("--sigmas must be noise levels above 0 that fall, as in 14.6,5.8,2.7,1.3,0.4")
    if steps is not None and steps != len(sigmas):
        raise UsageError(f"--sigmas names {len(sigmas)} noise levels and --steps says {steps}; leave one of them out")


def _within(option: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not (math.isfinite(value) and low <= value <= high):
        raise UsageError(f"--{option} must be a number from {low} to {high}, not {value}")
