"""What the terminal UI needs from a generator of pictures, and no more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from retouch.arrays import RGB, Mask
from retouch.geometry import Box, Size
from retouch.request import InpaintRequest, request_from_data


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


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Everything set in the options panel; goes whole into jobs, sessions and the history."""

    model: str = ""
    provider: str = "auto"
    candidates: int = 1
    seed_locked: bool = False
    request: InpaintRequest = field(default_factory=InpaintRequest)

    def with_request(self, **changes: Any) -> "Draft":
        """Return a draft with some options of the request replaced; UsageError if one cannot be meant."""
        return replace(self, request=replace(self.request, **changes))

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "model": self.model,
            "provider": self.provider,
            "candidates": self.candidates,
            "seed_locked": self.seed_locked,
            "request": self.request.to_data(),
        }


def draft_from_data(data: dict[str, Any]) -> Draft:
    """Rebuild a draft from `to_data`; UsageError names the option that does not fit."""
    return Draft(
        model=str(data.get("model", "")),
        provider=str(data.get("provider", "auto")),
        candidates=int(data.get("candidates", 1)),
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


@dataclass(frozen=True, eq=False)
class Outcome:
    """One finished candidate: the whole picture, (H, W, 3), and what it was made with."""

    pixels: RGB
    recipe: dict[str, Any]


OnStep = Callable[[StepReport], None]
OnStage = Callable[[str], None]


class Engine(Protocol):
    """A generator of pictures; `generate` runs in the worker, everything else must be quick."""

    def models(self) -> Sequence[ModelCard]:
        """List the installed models, the default first."""
        ...

    def providers(self) -> Sequence[str]:
        """List the devices that may be chosen, `auto` first."""
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
