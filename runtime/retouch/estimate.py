"""How long a run will take and how much memory it will need, before it starts.

Time is the work that the manifest states (gflop per graph at native size) over the speed that the model had in earlier
runs; before the first, over the machine's, measured with a matrix product. Memory is the weights in float32, or as
stored on a GPU, plus the largest activations.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter

import numpy as np

from retouch.best_of import Drafts
from retouch.guidance import guided_steps
from retouch.memory_plan import EVERYTHING_OPEN, MemoryPlan
from retouch.preview import ROLE as PREVIEW
from retouch.preview import shrink_of
from retouch.ranking import ROLE as RANKER
from retouch.request import InpaintRequest, given
from retouch.samplers import SAMPLERS
from retouch.schedule import run_steps
from retouch.work_area import Region
from retouch_models.manifest import GraphSpec, Manifest

EFFICIENCY = 0.6
"""Share of a matrix product's speed that whole graphs reach on a CPU."""
PROCESS_BYTES = 95e6
"""The interpreter with numpy, Pillow, OpenCV and ONNX Runtime, no model."""
ACTIVATIONS = {
    "unet": (160.0, 33.1e6),
    "vae_encoder": (900.0, 2.4e6),
    "vae_decoder": (1280.0, 4.1e6),
    "preview_decoder": (1040.0, 1.2e6),
}
"""Peak bytes of activations per pixel of the working box and batch entry, and the weights of the graph that this was
measured on. They grow with the width of a network, of which the weights are the square. A ranker sees a small picture
of its own, and texts are short."""
UNFOLDING, UNFOLDING_TEXT = 0.1, 0.35
"""Share of the weights in float32 that are unfolded at a time, or wait to be used again, where they stay folded; a
vocabulary is unfolded whole. Twice that from eight bits, which are scaled in a second step."""
MAKING, MAKING_FROM_INT8 = 2.0, 2.5
"""Bytes that making an optimised copy takes, for each byte of the weights in float32."""
CARD_BYTES = 0.6e9
"""What CUDA, cuDNN and cuBLAS hold on a card before anything runs."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run will cost."""

    evaluations: int
    """Calls of the UNet, each for one or two prompts."""
    batch: int
    guided: int
    """Calls for two prompts."""
    seconds: float | None
    """None where the manifest does not state the work or the device is no CPU."""
    memory_bytes: float


def estimate(
    manifest: Manifest,
    request: InpaintRequest,
    regions: tuple[Region, ...],
    *,
    on_cpu: bool,
    memory: float,
    speed: float | None = None,
) -> Estimate:
    """Estimate one candidate that needs `memory` bytes, with all drafts of it; `request` must be resolved.

    `speed` is what the model is known to reach, GFLOP/s.
    """
    if request.best_of > 1:
        plan = Drafts.of(request, manifest)
        costs = [
            (times, estimate(manifest, one, regions, on_cpu=on_cpu, memory=memory, speed=speed))
            for times, one in plan.runs
        ]
        known = [times * cost.seconds for times, cost in costs if cost.seconds is not None]
        return Estimate(
            evaluations=sum(times * cost.evaluations for times, cost in costs),
            batch=max(cost.batch for _, cost in costs),
            guided=sum(times * cost.guided for times, cost in costs),
            seconds=sum(known) if len(known) == len(costs) else None,
            memory_bytes=memory,
        )
    calls, guided = _calls(request)
    batch = 1 if given(request.guidance) == 1 else 2
    seconds = None
    if on_cpu and all(manifest.graphs[g].gflop is not None for g in ("unet", "vae_encoder", "vae_decoder")):
        per_native = sum(
            float(manifest.graphs[role].gflop or 0) * times
            for role, times in (
                ("unet", calls + guided),
                ("vae_encoder", 2 if request.strength < 1 else 1),
                ("vae_decoder", 1),
            )
        )
        seconds = per_native * _native_areas(manifest, regions) / (speed or _usual_gflops() * EFFICIENCY)
    runs = len(regions)
    return Estimate(evaluations=calls * runs, batch=batch, guided=guided * runs, seconds=seconds, memory_bytes=memory)


def steps_gflop(manifest: Manifest, request: InpaintRequest, regions: tuple[Region, ...]) -> float:
    """Arithmetic of all steps of one candidate; 0 where the manifest does not state it. `request` must be resolved."""
    return float(manifest.graphs["unet"].gflop or 0) * sum(_calls(request)) * _native_areas(manifest, regions)


def _calls(request: InpaintRequest) -> tuple[int, int]:
    """Calls of the UNet for one region, and how many of them are for two prompts."""
    steps = given(request.steps) if request.exact_steps else run_steps(given(request.steps), request.strength)
    calls = SAMPLERS[str(request.sampler)].total_evaluations(steps)
    first, last = guided_steps(request.guidance_interval, steps)
    return calls, 0 if given(request.guidance) == 1 else round(calls * (last - first) / steps)


def _native_areas(manifest: Manifest, regions: tuple[Region, ...]) -> float:
    """Working boxes together, in areas of the model's own size."""
    return sum(r.placement.work.area for r in regions) / manifest.size.native**2


def memory_bytes(
    manifest: Manifest,
    request: InpaintRequest,
    regions: tuple[Region, ...],
    plan: MemoryPlan = EVERYTHING_OPEN,
    *,
    provider: str = "cpu",
    precision: str = "",
    making: frozenset[str] = frozenset(),
) -> float:
    """Estimate the peak of resident memory, the whole process included; on CUDA that of the card.

    `precision` is what the device computes with in place of the graph's own numbers.
    `making` are the graphs of which an optimised copy has yet to be made.
    """
    shrink = None if plan.in_turn else shrink_of(manifest, "auto")
    pixels = _pixels(manifest, request, regions, plan, shrink)
    if provider == "openvino":
        from retouch.openvino_memory import openvino_bytes

        return openvino_bytes(manifest, pixels, plan, exact=not precision)
    needs = {
        role: (_weights(manifest, role, plan, provider), _scratch(manifest, role, pixels.get(role, 0.0), provider))
        for role in manifest.graphs
        if "@" not in role and not (role == PREVIEW and shrink is None)
    }
    before = CARD_BYTES if provider == "cuda" else PROCESS_BYTES
    largest = max(weights + scratch for weights, scratch in needs.values())
    made = max((_making(manifest.graphs[role]) for role in making if role in needs), default=0.0)
    if plan.in_turn:
        return before + max(largest, made)
    resting = (*manifest.text.encoders, RANKER)
    stay_open = sum(weights for role, (weights, _) in needs.items() if role not in resting)
    judging = needs["unet"][1] + sum(needs.get(RANKER, (0.0, 0.0)))  # the UNet keeps its scratch memory
    return before + max(largest, made, stay_open + max(judging, *(scratch for _, scratch in needs.values())))


def _pixels(
    manifest: Manifest, request: InpaintRequest, regions: tuple[Region, ...], plan: MemoryPlan, shrink: int | None
) -> dict[str, float]:
    """Pixels of the working box that each graph sees at once, times its batch."""
    area = max(r.placement.work.area for r in regions)
    whole = plan.tile is None or manifest.graphs["vae_decoder"].one_size
    seen = area if whole else min(area, (plan.tile or 0) ** 2)
    batch = 1 if given(request.guidance) == 1 or plan.two_calls else 2
    shown = 0.0 if shrink is None else area / shrink**2
    return {"unet": area * batch, "vae_encoder": seen, "vae_decoder": seen, PREVIEW: shown}


def _weights(manifest: Manifest, role: str, plan: MemoryPlan, provider: str) -> float:
    """Bytes of a graph's weights while it is open: in float32 on the processor, as they are stored where that is told.

    Weights inside the graph's own file are held twice while it opens.
    """
    if provider == "cuda":
        return float(manifest.graphs.get(f"{role}@{provider}", manifest.graphs[role]).stored_bytes)
    graph = manifest.graphs[role]
    if not (plan.folded and graph.folded):
        return graph.parameters * 4.0
    share = UNFOLDING_TEXT if role in manifest.text.encoders else UNFOLDING
    steps = 2 if graph.precision == "int8" else 1
    return graph.stored_bytes * (2.0 if graph.data is None else 1.0) + steps * share * 4 * graph.parameters


def _making(graph: GraphSpec) -> float:
    """Bytes that making the optimised copy of a graph takes."""
    return (MAKING_FROM_INT8 if graph.precision == "int8" else MAKING) * 4 * graph.parameters


def _scratch(manifest: Manifest, role: str, pixels: float, provider: str) -> float:
    """Bytes of a graph's activations; half of that in half precision."""
    graph = manifest.graphs.get(f"{role}@{provider}", manifest.graphs[role])
    per_pixel, measured_on = ACTIVATIONS.get(role, (0.0, 1.0))
    wide = 0.5 if any(tensor.dtype == "float16" for tensor in graph.inputs) else 1.0
    return wide * per_pixel * math.sqrt(manifest.graphs[role].parameters / measured_on) * pixels


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
