"""How long a run will take and how much memory it will need, before it starts.

Time is the work that the manifest states (gflop per graph at native size) over the speed of this machine, measured
with a matrix product. Memory is the weights in float32, or as stored on a GPU, plus the largest activations.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter

import numpy as np

from retouch.memory_plan import EVERYTHING_OPEN, MemoryPlan
from retouch.preview import ROLE as PREVIEW
from retouch.preview import shrink_of
from retouch.request import InpaintRequest, given
from retouch.samplers import SAMPLERS
from retouch.schedule import run_steps
from retouch.work_area import Region
from retouch_models.manifest import Manifest

EFFICIENCY = 0.6
"""Share of a matrix product's speed that whole graphs reach on a CPU."""
PROCESS_BYTES = 95e6
"""The interpreter with numpy, Pillow, OpenCV and ONNX Runtime, no model."""
ACTIVATIONS = {
    "unet": (400.0, 33.1e6),
    "vae_encoder": (900.0, 2.4e6),
    "vae_decoder": (1280.0, 4.1e6),
    "preview_decoder": (1040.0, 1.2e6),
}
"""Peak bytes of activations per pixel of the working box and batch entry, and the weights of the graph that this was
measured on. They grow with the width of a network, of which the weights are the square."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run will cost."""

    evaluations: int
    """Calls of the UNet, each for one or two prompts."""
    batch: int
    seconds: float | None
    """None where the manifest does not state the work or the device is no CPU."""
    memory_bytes: float


def estimate(
    manifest: Manifest,
    request: InpaintRequest,
    regions: tuple[Region, ...],
    *,
    on_cpu: bool,
    plan: MemoryPlan = EVERYTHING_OPEN,
) -> Estimate:
    """Estimate one candidate; `request` must be resolved."""
    steps = given(request.steps) if request.exact_steps else run_steps(given(request.steps), request.strength)
    calls = SAMPLERS[str(request.sampler)].total_evaluations(steps)
    batch = 1 if given(request.guidance) == 1 else 2
    areas = [r.placement.work.area for r in regions]
    seconds = None
    if on_cpu and all(manifest.graphs[g].gflop is not None for g in ("unet", "vae_encoder", "vae_decoder")):
        per_native = sum(
            float(manifest.graphs[role].gflop or 0) * times
            for role, times in (
                ("unet", calls * batch),
                ("vae_encoder", 2 if request.strength < 1 else 1),
                ("vae_decoder", 1),
            )
        )
        seconds = per_native * sum(areas) / manifest.size.native**2 / (_usual_gflops() * EFFICIENCY)
    memory = memory_bytes(manifest, request, regions, plan)
    return Estimate(evaluations=calls * len(regions), batch=batch, seconds=seconds, memory_bytes=memory)


def memory_bytes(
    manifest: Manifest, request: InpaintRequest, regions: tuple[Region, ...], plan: MemoryPlan = EVERYTHING_OPEN
) -> float:
    """Estimate the peak of resident memory of a run on the CPU, the whole process included."""
    area = max(r.placement.work.area for r in regions)
    whole = plan.tile is None or manifest.graphs["vae_decoder"].one_size
    seen = area if whole else min(area, (plan.tile or 0) ** 2)
    batch = 1 if given(request.guidance) == 1 or plan.two_calls else 2
    shrink = None if plan.in_turn else shrink_of(manifest, "auto")
    shown = 0 if shrink is None else area / shrink**2
    needs: dict[str, tuple[float, float]] = {}
    for role, graph in manifest.graphs.items():
        if "@" not in role and not (role == PREVIEW and shrink is None):
            pixels = {"unet": area * batch, "vae_encoder": seen, "vae_decoder": seen, PREVIEW: shown}.get(role, 0)
            per_pixel, measured_on = ACTIVATIONS.get(role, (0.0, 1.0))
            scratch = per_pixel * math.sqrt(graph.parameters / measured_on) * pixels
            needs[role] = graph.parameters * 4.0, scratch
    largest = max(weights + scratch for weights, scratch in needs.values())
    if plan.in_turn:
        return PROCESS_BYTES + largest
    stay_open = sum(weights for role, (weights, _) in needs.items() if role not in manifest.text.encoders)
    return PROCESS_BYTES + max(largest, stay_open + max(scratch for _, scratch in needs.values()))


@lru_cache(maxsize=1)
def _usual_gflops() -> float:
    return machine_gflops(512)


def machine_gflops(side: int) -> float:
    """Speed of a product of square float32 matrices on this machine, GFLOP/s; 512 a side takes some 30 ms."""
    a = np.ones((side, side), np.float32)
    a @ a
    best = 1e9
    for _ in range(3):
        start = perf_counter()
        for _ in range(4):
            a @ a
        best = min(best, perf_counter() - start)
    return 4 * 2 * side**3 / best / 1e9
