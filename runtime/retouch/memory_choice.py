"""Chooses how a run uses memory, from what it needs on each rung and what there is.

The command line, the editor's plan and the run itself ask here, so that what is foretold is what happens.
"""

from dataclasses import dataclass

from retouch.card_memory import CardMemory
from retouch.estimate import memory_bytes
from retouch.memory_plan import SHARE, MemoryMode, MemoryPlan, free_bytes, from_the_first_that_fits, ladder_of
from retouch.open_graph import has_copy, keeps_copies
from retouch.providers import Device, on_processor
from retouch.request import InpaintRequest
from retouch.work_area import Region
from retouch_models.bundle import Bundle


@dataclass(frozen=True, kw_only=True, eq=False)
class MemoryChoice:
    """A model on a device, and how it may use memory."""

    bundle: Bundle
    device: Device
    mode: MemoryMode = "auto"
    limit_bytes: float | None = None
    """What the user allows; None is what is free."""
    card: CardMemory | None = None
    """What the card has, where the device is one that tells."""

    def rungs(self, request: InpaintRequest, regions: tuple[Region, ...]) -> tuple[MemoryPlan, ...]:
        """Return how a run would use memory, and what it would fall back to; `request` must be resolved."""
        rungs = ladder_of(self.mode, folds=self.device.provider == "cpu")
        limit = self.limit_bytes if self.limit_bytes is not None else self._free()
        if self.mode == "high":
            return rungs
        return from_the_first_that_fits(rungs, lambda rung: self.need(request, regions, rung), limit)

    def need(self, request: InpaintRequest, regions: tuple[Region, ...], rung: MemoryPlan) -> float:
        """Estimate the peak on a rung in bytes: of the process, or of the card for a device that has memory of its own.

        Optimised copies that have yet to be made are counted, since that is the peak then.
        """
        return memory_bytes(
            self.bundle.manifest,
            request,
            regions,
            rung,
            provider=self.device.provider,
            precision=self.device.precision,
            making=self._making(rung),
        )

    def _making(self, rung: MemoryPlan) -> frozenset[str]:
        graphs = self.bundle.manifest.graphs
        kept = (role for role in graphs if "@" not in role and keeps_copies(self.bundle, role, self.device))
        return frozenset() if rung.folded else frozenset(role for role in kept if not has_copy(self.bundle, role))

    def _free(self) -> float | None:
        if on_processor(self.device):
            return free_bytes()
        return None if self.card is None or self.card.free is None else self.card.free * SHARE
