"""How near the fast preset comes to the exact one, and how much of the work it saves.

    python tests/bench/fast_preset.py [--tasks 32] [--rows fast,exact-8,...] [--picture docs/images/fast-preset.png]

Needs `models` and `runtime` on the path, as an editable install has them. The tasks are fixed and none of them was
seen by the fit. Every row runs on every task with the task's own noise; a row's runs alternate with the exact ones,
so that what is saved holds under whatever else the machine does. PSNR is that of the masked area alone.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from recipes.pocket.fast_tasks import Task, tasks
from retouch import Inpainter, InpaintRequest, find_bundle
from retouch.arrays import RGB
from retouch.canvas import take
from retouch.decode_window import EDGE
from retouch.fast import fitted

Change = Callable[[InpaintRequest], InpaintRequest]

ROWS: Mapping[str, tuple[str, Change]] = {
    "fast": ("**`--fast`**", lambda r: replace(r, fast=True)),
    "whole": ("the same, all of it decoded", lambda r: replace(r, fast=True, decode="whole")),
    "2m": (
        "the same, all of it decoded, DPM-Solver++(2M)",
        lambda r: replace(r, fast=True, decode="whole", sampler="dpmpp_2m"),
    ),
    "fast-4": (
        "`--fast`, guidance on the first four",
        lambda r: replace(r, fast=True, guidance_interval=(0.0, 0.8)),
    ),
    "steps-4": ("4 steps", lambda r: replace(r, steps=4)),
    "steps-5": ("5 steps", lambda r: replace(r, steps=5)),
    "steps-5-4": ("5 steps, guidance on the first four", lambda r: replace(r, steps=5, guidance_interval=(0.0, 0.8))),
    "steps-6-5": (
        "6 steps, guidance on the first five (the preset before)",
        lambda r: replace(r, steps=6, guidance_interval=(0.0, 0.84)),
    ),
    "steps-6": ("6 steps", lambda r: replace(r, steps=6)),
    "steps-8": ("8 steps", lambda r: replace(r, steps=8)),
    "linear-5": ("5 steps, linear end", lambda r: replace(r, steps=5, sampler="dpmpp_2m_linear")),
}
SHOWN = 8
"""Tasks in the picture: the first ones."""
GUIDED_MS, PLAIN_MS, DECODE_MS, ENCODE_MS, TEXT_MS = 76, 44, 100, 32, 3
"""Work on two idle threads of the machine of docs/performance.md, at 256x256: a step of the UNet, and the rest."""


@dataclass(frozen=True, eq=False)
class Run:
    """One result, and what it took."""

    image: RGB
    decoded: float
    """Share of the working box that was decoded."""
    request: InpaintRequest
    cpu_s: float
    crop: RGB


def main() -> None:
    """Print the table; draw the picture if asked for."""
    parser = argparse.ArgumentParser(description="Compare the fast preset with the exact one.")
    parser.add_argument("--tasks", type=int, default=32)
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {', '.join(ROWS)}")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--picture", type=Path, help="exact and fast side by side, for the first tasks")
    options = parser.parse_args()
    engine = Inpainter(find_bundle("pocket"), provider="cpu", threads=options.threads)
    chosen = list(tasks("measure", options.tasks, engine))
    names = options.rows.split(",")
    found: dict[str, list[tuple[Run, Run]]] = {name: [] for name in names}
    run(engine, chosen[0], lambda r: r)  # opens the graphs
    for task in chosen:
        exact = run(engine, task, lambda r: r)
        for name in names:
            found[name].append((exact, run(engine, task, ROWS[name][1])))
            sys.stderr.write(".")
    sys.stderr.write("\n")
    told = ", ".join(f"{level:.4g}" for level in fitted(engine.manifest))
    sys.stdout.write(f"fitted levels {told}; {len(chosen)} tasks\n\n")
    sys.stdout.write(
        "| setting | all, mean (least) | draw | complete | erase | continue | work saved | CPU s saved |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|\n")
    for name in names:
        sys.stdout.write(row(ROWS[name][0], chosen, found[name]) + "\n")
    if options.picture is not None:
        side_by_side(options.picture, chosen, found[names[0]])
    engine.close()


def run(engine: Inpainter, task: Task, change: Change) -> Run:
    """Run one task from nothing: prompts and pictures are forgotten."""
    engine.forget()
    before = time.process_time()
    result = engine.run(task.picture, task.mask, change(InpaintRequest(prompt=task.prompt, seed=task.seed)))
    took = time.process_time() - before
    (region,) = result.regions
    crop = region.placement.crop
    edge = ceil(EDGE * crop.width / (region.placement.work.width / engine.manifest.latent.factor))
    share = region.box.pad(edge).intersect(crop).area / crop.area
    return Run(result.image, share, result.request, took, take(result.image, crop))


def row(title: str, chosen: list[Task], pairs: list[tuple[Run, Run]]) -> str:
    """One line of the table."""
    db = np.array([psnr(task, exact, other) for task, (exact, other) in zip(chosen, pairs, strict=True)])
    kinds = np.array([task.kind for task in chosen])
    parts = [f"{db[kinds == kind].mean():.1f}" for kind in ("draw", "complete", "erase", "continue")]
    work = sum(cost(exact) for exact, _ in pairs) / sum(cost(other) for _, other in pairs)
    cpu = sum(exact.cpu_s for exact, _ in pairs) / sum(other.cpu_s for _, other in pairs)
    cells = " | ".join((f"{db.mean():.1f} dB ({db.min():.1f})", *parts, f"{work:.2f}x", f"{cpu:.2f}x"))
    return f"| {title} | {cells} |"


def psnr(task: Task, exact: Run, other: Run) -> float:
    """Of the masked pixels; 60 dB stands for more."""
    inside = task.mask > 0
    error = np.mean(np.square(exact.image[inside].astype(np.float64) - other.image[inside]))
    return float(10 * np.log10(255**2 / max(float(error), 0.065)))


def cost(done: Run) -> float:
    """Milliseconds by the count of operations."""
    steps = done.request.steps or 0
    guided = steps if done.request.guidance_interval is None else round(done.request.guidance_interval[1] * steps)
    unet = guided * GUIDED_MS + (steps - guided) * PLAIN_MS
    return unet + DECODE_MS * done.decoded + ENCODE_MS + TEXT_MS


def side_by_side(path: Path, chosen: list[Task], pairs: list[tuple[Run, Run]]) -> None:
    """Draw the working boxes of the first tasks: masked, exact, fast below each other."""
    columns = []
    for task, (exact, fast) in list(zip(chosen, pairs, strict=True))[:SHOWN]:
        cells = [exact.crop, fast.crop]
        small = [cv2.resize(cell, (150, 150), interpolation=cv2.INTER_AREA) for cell in cells]
        label = np.full((18, 150, 3), 255, np.uint8)
        said = f"{task.name[:16]} {psnr(task, exact, fast):.0f} dB"
        cv2.putText(label, said, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
        columns.append(np.pad(np.vstack([label, *small]), ((0, 0), (2, 2), (0, 0)), constant_values=255))
    Image.fromarray(np.hstack(columns)).save(path, optimize=True)


if __name__ == "__main__":
    main()
