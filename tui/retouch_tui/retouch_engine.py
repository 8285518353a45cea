"""The engine of the terminal UI: retouch itself.

Listing and planning read manifests only; the model is opened in `generate`, which runs in the worker, and stays
open there for the next job.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache

from retouch.arrays import RGB, Mask
from retouch.best_of import usual
from retouch.card_memory import CardMemory, card_memory
from retouch.errors import BundleError
from retouch.estimate import estimate
from retouch.fast import fitted
from retouch.geometry import Size
from retouch.known_speed import recalled
from retouch.mask import describe
from retouch.memory_choice import MemoryChoice
from retouch.memory_plan import MemoryMode
from retouch.pipeline import Inpainter
from retouch.progress import Progress
from retouch.providers import PREFERENCE, PROVIDERS, Device, on_processor, parse_device
from retouch.recipe import ModelFact, PictureFact, Recipe
from retouch.recipe_mask import mask_fact, pixels_hash
from retouch.recipe_text import recipe_texts
from retouch.request import InpaintRequest
from retouch.result import InpaintResult
from retouch.work_area import plan, work_area_of
from retouch_models.bundle import Bundle
from retouch_models.manifest import Manifest
from retouch_models.registry import module_names
from retouch_models.store import DEFAULT, find_bundle, installed
from retouch_models.version import __version__
from retouch_tui.engine import Draft, ModelCard, OnStage, OnStep, Outcome, Plan, StepReport

FOLDERS = {
    "sampler": "retouch.samplers",
    "schedule": "retouch.schedules",
    "content": "retouch.content",
    "blend": "retouch.blend",
}


Opened = tuple[str, str, MemoryMode, float | None]
"""What an open model was opened with: its name, device, use of memory and limit in bytes."""

FIND = "from retouch.providers import found_devices; print(*found_devices())"
FIND_SECONDS = 60.0


def limit_bytes(draft: Draft) -> float | None:
    """Return the limit in bytes; None where the user set none."""
    return None if draft.memory_gb is None else draft.memory_gb * 1e9


@lru_cache(maxsize=8)
def _bundle(name: str) -> Bundle:
    return find_bundle(name or DEFAULT)


def _card(name: str) -> ModelCard:
    manifest = _bundle(name).manifest
    own = manifest.defaults
    return ModelCard(
        name=name,
        title=manifest.title,
        description=manifest.description,
        native_px=manifest.size.native,
        multiple_px=manifest.size.multiple,
        steps=own.steps,
        guidance=own.guidance,
        sampler=own.sampler,
        schedule=own.schedule,
        blend=own.blend,
        fast_sigmas=fitted(manifest),
        best_of=own.best_of,
        ranks=manifest.ranks,
    )


class RetouchEngine:
    """Implements `Engine` on the runtime."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._open: tuple[Opened, Inpainter] | None = None
        self._found: tuple[str, ...] = ("cpu",)
        self._cards: dict[Device, CardMemory] = {}

    def models(self) -> Sequence[ModelCard]:
        """List the installed models, the bundled one first; damaged ones are left out."""
        cards = []
        for name in sorted(installed(), key=lambda n: (n != DEFAULT, n)):
            try:
                cards.append(_card(name))
            except BundleError:  # `retouch models verify` tells more
                continue
        return cards

    def providers(self) -> Sequence[str]:
        """List what works everywhere."""
        return ("auto", "cpu")

    def find_providers(self) -> Sequence[str]:
        """Try all devices, in a process of their own: drivers are large, and not all of them end well."""
        try:
            found = subprocess.run(
                [sys.executable, "-c", FIND], capture_output=True, text=True, timeout=FIND_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return self.providers()
        if found.returncode != 0:
            return self.providers()
        self._found = tuple(found.stdout.split())
        return ("auto", *self._found)

    def choices(self, option: str) -> Sequence[str]:
        """Names that an option may have."""
        return module_names(FOLDERS[option])

    def plan(self, size: Size, mask: Mask, draft: Draft) -> Plan:  # noqa: ARG002  the mask has the size
        """Foretell a run from the manifest alone."""
        bundle = _bundle(draft.model)
        manifest = bundle.manifest
        full = _request(draft, manifest).resolved(manifest)
        device = self._device(draft)
        area = replace(work_area_of(full), few=PROVIDERS[device.provider].few_sizes)
        regions = plan(mask, area, manifest.size)
        memory = MemoryChoice(
            bundle=bundle,
            device=device,
            mode=draft.memory,
            limit_bytes=limit_bytes(draft),
            card=self._card(device) if device.provider == "cuda" else None,
        )
        rung = memory.rungs(full, regions)[0]
        need = memory.need(full, regions, rung)
        speed = recalled(str(device), manifest.name)
        cost = estimate(manifest, full, regions, on_cpu=on_processor(device), memory=need, speed=speed)
        held = "" if memory.card is None else memory.card.held()
        cells = describe(mask, regions, manifest.latent.factor)
        return Plan(
            boxes=tuple(r.placement.crop for r in regions),
            works=tuple(r.placement.work for r in regions),
            cells=sum(r.cells for r in cells.regions),
            seconds=None if cost.seconds is None else cost.seconds * draft.candidates,
            memory=int(cost.memory_bytes),
            sparing="; ".join(filter(None, (rung.words(), held))) if rung.in_turn else "",
        )

    def _card(self, device: Device) -> CardMemory:
        """What a card had free when it was asked first: later the worker holds some of it for the very model."""
        if device not in self._cards:
            self._cards[device] = card_memory(device.device_id)
        return self._cards[device]

    def _device(self, draft: Draft) -> Device:
        """The device that a run would take; `auto` is the first that was found to work, as the runtime chooses."""
        if draft.provider != "auto":
            return parse_device(draft.provider)
        found = {parse_device(name).provider for name in self._found}
        return Device(next((name for name in PREFERENCE if name in found), "cpu"))

    def generate(
        self, picture: RGB, mask: Mask, draft: Draft, on_step: OnStep, on_stage: OnStage, expression: str = ""
    ) -> Outcome:
        """Make one candidate."""
        inpainter = self._opened(draft, on_stage)

        def on_progress(progress: Progress) -> None:
            if progress.phase == "step":
                step = round(progress.fraction * progress.all_steps)
                what = f"draft {progress.draft} of {progress.drafts}" if progress.drafts else ""
                on_step(StepReport(step, progress.all_steps, progress.preview(), progress.crop, what))
            elif progress.phase in STAGES and (
                progress.draft == 0 or (progress.draft == 1 and progress.phase != "decode")
            ):
                on_stage(STAGES[progress.phase])

        result = inpainter.run(picture, mask, _request(draft, inpainter.manifest), on_progress)
        return Outcome(result.image, self._recipe(inpainter, picture, mask, result, expression))

    def _opened(self, draft: Draft, on_stage: OnStage) -> Inpainter:
        limit = limit_bytes(draft)
        wanted = (draft.model, draft.provider, draft.memory, limit)
        if self._open is None or self._open[0] != wanted:
            on_stage(f"opening the model {draft.model} on {draft.provider}")
            if self._open is not None:
                self._open[1].close()
                self._open = None
            bundle = _bundle(draft.model)
            inpainter = Inpainter(bundle, provider=draft.provider, memory=draft.memory, memory_limit=limit)
            self._open = (wanted, inpainter)
        return self._open[1]

    def _recipe(
        self, inpainter: Inpainter, picture: RGB, mask: Mask, result: InpaintResult, expression: str
    ) -> dict[str, object]:
        height, width = picture.shape[:2]
        recipe = Recipe(
            request=result.request,
            model=ModelFact(name=inpainter.manifest.name, hash=inpainter.bundle.digest),
            picture=PictureFact(sha256=pixels_hash(picture), width=width, height=height),
            mask=mask_fact(mask, expression=expression or None),
            version=__version__,
            provider=result.provider,
            proof=asdict(result.proof),
        )
        proof = result.proof
        told = (
            f"{proof.bytes_changed_outside} bytes changed outside the mask, seam {proof.seam_after:.1f} ({proof.blend})"
        )
        return {
            "texts": recipe_texts(recipe),
            "proof": told,
            "notes": list(result.notes),
            "seed": result.request.seed,
        }


def _request(draft: Draft, manifest: Manifest) -> InpaintRequest:
    """The request of a draft, with as many drafts as it or the model says."""
    own = usual(manifest, seeded=draft.seed_locked, count=draft.candidates)
    return replace(draft.request, best_of=own if draft.best_of is None else draft.best_of)


STAGES = {"load": "loading the model", "encode": "looking at the picture", "decode": "drawing the result"}
"""Phases of a run that take a while, in words."""

ENGINE = f"{__name__}:RetouchEngine"
"""How the worker is told to make this engine."""
