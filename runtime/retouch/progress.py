"""What a run tells its caller while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from retouch.arrays import RGB
from retouch.geometry import Box

Phase = Literal["load", "encode", "step", "decode", "done"]


def _no_preview() -> RGB | None:
    return None


@dataclass(frozen=True, eq=False, kw_only=True)
class Progress:
    """One report; `step` counts finished steps of the current region."""

    phase: Phase
    region: int = 0
    regions: int = 1
    step: int = 0
    steps: int = 0
    crop: Box | None = None
    """Where in the picture the preview belongs."""
    preview: Callable[[], RGB | None] = field(default=_no_preview)
    """Makes a picture of the working box as it stands, (h, w, 3), of any size; costs a tenth of a step at most."""
    draft: int = 0
    """Which of the drafts this is, from 1; 0 for what is kept."""
    drafts: int = 0
    begun: float = 0.0
    """Share of the whole that was done before this run."""
    share: float = 1.0
    """Share of the whole that this run is."""

    @property
    def fraction(self) -> float:
        """Share of the steps of all drafts and regions that are done, 0..1."""
        within = 1.0 if self.phase == "decode" else self.step / self.steps if self.steps else 0.0
        done = self.region + within
        return self.begun + self.share * min(done / max(self.regions, 1), 1.0)

    @property
    def all_steps(self) -> int:
        """Steps of all drafts and regions."""
        return round(self.regions * self.steps / self.share)


OnProgress: TypeAlias = Callable[[Progress], None]
"""Called after each step; raising Cancelled in it stops the run."""


def ignore(progress: Progress) -> None:
    """Take no notice."""
