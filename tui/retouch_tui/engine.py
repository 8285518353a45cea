"""What the terminal UI needs from a generator of pictures, and no more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from retouch.arrays import RGB, Mask
from retouch.errors import UsageError
from retouch.geometry import Box, Size
from retouch.memory_plan import MemoryMode
from retouch.request import InpaintRequest, request_from_data
from retouch_models.manifest import Defaults

MEMORY: tuple[MemoryMode, ...] = ("auto", "low", "high")
"""How a run may use memory: what is free, little of it at a time, or all that makes it quick."""
LEAST_GB, MOST_GB = 0.1, 1_000_000.0
"""Limits of the limit."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A model as the options panel shows it."""

    name: str
    title: str
    description: str = ""
    native_px: int = 512
    """Side of the square the model was trained on."""
    multiple_px: int = 64
    """Working sizes are multiples of this."""
    steps: int = 20
    guidance: float = 7.5
    sampler: str = "dpmpp_2m"
    schedule: str = "model"
    blend: str = "feather"
    fast_sigmas: tuple[float, ...] = ()
    """Noise levels of the fast preset that were fitted to the model; empty where none were."""
    best_of: int = 1
    """Drafts that suit the model."""
    ranks: bool = False
    """Whether it can tell which of several drafts is most like the prompt."""

    def meant(self, request: InpaintRequest) -> InpaintRequest:
        """Return what a request comes to with this model; names are not checked."""
        own = Defaults(
            steps=self.steps,
            guidance=self.guidance,
            sampler=self.sampler,
            schedule=self.schedule,
            blend=self.blend,
        )
        return request.filled(own, self.fast_sigmas)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run would do, known before anything is loaded."""

    boxes: tuple[Box, ...]
    """The parts of the picture the model will see one after another, in picture pixels."""
    works: tuple[Size, ...]
    """The sizes at which the model works on them."""
    cells: int
    """Latent cells that will change."""
    seconds: float | None = None
    """Estimated time of one candidate."""
    memory: int | None = None
    """Estimated memory in bytes."""
    sparing: str = ""
    """How the run saves memory, in words; empty when it need not."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Everything set in the options panel; goes whole into jobs, sessions and the history."""

    model: str = ""
    provider: str = "auto"
    memory: MemoryMode = "auto"
    memory_gb: float | None = None
    """Memory that `auto` may use; None is what is free."""
    candidates: int = 1
    best_of: int | None = None
    """Drafts from which the one most like the prompt is painted; None is what suits the model."""
    seed_locked: bool = False
    request: InpaintRequest = field(default_factory=InpaintRequest)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant; the request looks after itself."""
        if self.memory not in MEMORY:
            raise UsageError(f"memory must be {', '.join(MEMORY)}, not {self.memory!r}")
        if self.memory_gb is not None and not LEAST_GB <= self.memory_gb <= MOST_GB:
            raise UsageError(f"the memory limit must be from {LEAST_GB:g} to {MOST_GB:g} GB, not {self.memory_gb:g}")

    def with_request(self, **changes: Any) -> "Draft":
        """Return a draft with some options of the request replaced; UsageError if one cannot be meant."""
        return replace(self, request=replace(self.request, **changes))

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "model": self.model,
            "provider": self.provider,
            "memory": self.memory,
            "memory_gb": self.memory_gb,
            "candidates": self.candidates,
            "best_of": self.best_of,
            "seed_locked": self.seed_locked,
            "request": self.request.to_data(),
        }


def draft_from_data(data: dict[str, Any]) -> Draft:
    """Rebuild a draft from `to_data`; UsageError names the option that does not fit."""
    limit = data.get("memory_gb")
    return Draft(
        memory=cast("MemoryMode", data.get("memory", "auto")),
        memory_gb=None if limit is None else float(limit),
        model=str(data.get("model", "")),
        provider=str(data.get("provider", "auto")),
        candidates=int(data.get("candidates", 1)),
        best_of=None if data.get("best_of") is None else int(data["best_of"]),
        seed_locked=bool(data.get("seed_locked", False)),
        request=request_from_data(data.get("request", {})),
    )


@dataclass(frozen=True, eq=False)
class StepReport:
    """One finished step: its number from 1, how many there are, and a small picture of the working box."""

    step: int
    steps: int
    preview: RGB | None = None
    box: Box | None = None
    """Where in the picture the preview lies."""
    what: str = ""
    """What the steps lead to, in words, where that is not the result."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """One finished candidate: the whole picture, (H, W, 3), and what it was made with."""

    pixels: RGB
    recipe: dict[str, Any]
    """What is kept with it; `seed` is the one that made it."""


OnStep = Callable[[StepReport], None]
OnStage = Callable[[str], None]


class Engine(Protocol):
    """A generator of pictures; `generate` runs in the worker, everything else must be quick."""

    def models(self) -> Sequence[ModelCard]:
        """List the installed models, the default first."""
        ...

    def providers(self) -> Sequence[str]:
        """List the devices that may be chosen, `auto` first, without looking for them."""
        ...

    def find_providers(self) -> Sequence[str]:
        """List the devices that work here, `auto` first; takes seconds."""
        ...

    def choices(self, option: str) -> Sequence[str]:
        """Names that `sampler`, `schedule`, `content` or `blend` may have."""
        ...

    def plan(self, size: Size, mask: Mask, draft: Draft) -> Plan:
        """Foretell a run; raises RetouchError when it cannot work, an empty mask for one."""
        ...

    def generate(
        self, picture: RGB, mask: Mask, draft: Draft, on_step: OnStep, on_stage: OnStage, expression: str = ""
    ) -> Outcome:
        """Make one candidate of `draft.request`; an exception from `on_step` ends it.

        `expression` is the mask in the mask language, for the recipe; empty when it is not known.
        """
        ...
