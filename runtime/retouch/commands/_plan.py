"""What `--dry-run` prints: the working boxes, the cells that will change, the steps, time and memory."""

import json
from typing import TYPE_CHECKING

from retouch.request import given

if TYPE_CHECKING:
    from retouch.arrays import Mask
    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest


def print_plan(
    engine: "Inpainter", mask: "Mask", request: "InpaintRequest", expression: str | None, count: int, *, as_json: bool
) -> None:
    """Print to stdout, as JSON or as lines."""
    from retouch.estimate import estimate
    from retouch.fast import fast_words
    from retouch.known_speed import recalled
    from retouch.mask import describe
    from retouch.providers import on_processor

    full = request.resolved(engine.manifest)
    fast = None if full.fast_form is None else fast_words(full.fast_form)
    regions = engine.plan(mask, full)
    report = describe(mask, regions, engine.manifest.latent.factor)
    rung = engine.memory_plans(full, regions)[0]
    memory = engine.memory.need(full, regions, rung)
    speed = recalled(str(engine.device), engine.manifest.name)
    cost = estimate(engine.manifest, full, regions, on_cpu=on_processor(engine.device), memory=memory, speed=speed)
    card = engine.memory.card
    seconds = None if cost.seconds is None else cost.seconds * count
    about = "about" if full.best_of == 1 else "at most about"
    if as_json:
        data = {
            "model": engine.manifest.name,
            "device": str(engine.device),
            "mask": {"pixels": report.area_px, "percent": report.percent, "box": list(report.box)},
            "expression": expression,
            "regions": [
                {"box": list(r.box), "crop": list(r.crop), "work": list(r.work), "cells": r.cells}
                for r in report.regions
            ],
            "request": full.to_data(),
            "fast": fast,
            "evaluations": cost.evaluations * count,
            "seconds": seconds,
            "memory_bytes": cost.memory_bytes,
            "memory": rung.words(),
            "card": None if card is None else vars(card),
        }
        print(json.dumps(data, indent=1))  # noqa: T201
        return
    lines = [
        f"model: {engine.manifest.name} on {engine.device}",
        *([f"expression: {expression}"] if expression else []),
        *report.lines(),
        f"run: {given(full.steps)} steps of {full.sampler}, {_levels(full)}, "
        f"guidance {given(full.guidance):g}, strength {full.strength:g}, seed {full.seed}, candidates {count}",
        *([] if fast is None else [f"fast: {fast}"]),
        *([] if full.best_of == 1 else [_drafts(full, engine)]),
        f"cost: {cost.evaluations * count} model calls with batch {cost.batch}"
        + (f" in {cost.guided * count} of them, " if 0 < cost.guided < cost.evaluations else ", ")
        + ("time unknown on this device" if seconds is None else f"{about} {seconds:.1f} s")
        + f", about {cost.memory_bytes / 1e6:.0f} MB of memory ({rung.words()})",
        *([] if card is None else [f"{engine.device}: {card.words()}"]),
    ]
    print("\n".join(lines))  # noqa: T201


def _drafts(full: "InpaintRequest", engine: "Inpainter") -> str:
    from retouch.best_of import Drafts

    drafts = Drafts.of(full, engine.manifest)
    rough = "" if drafts.final is None else f" of {given(drafts.rough.steps)} steps"
    return f"drafts: at most {drafts.most}{rough}, from seed {full.seed} on; the one most like the prompt is kept"


def _levels(full: "InpaintRequest") -> str:
    if full.sigmas is None:
        return f"schedule {full.schedule}"
    return "noise levels " + ", ".join(f"{sigma:.3g}" for sigma in full.sigmas)
