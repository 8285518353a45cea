"""The rows of the comparison on a GPU: the product with one thing more in each, and diffusers on PyTorch."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gpu_model import open_form, scene

PROMPT, STEPS, GUIDANCE, SEED = "a red heart", 20, 7.5, 1


@dataclass(frozen=True)
class Row:
    """One engine."""

    words: str
    plain: bool = False
    """Whether the graphs are neither fused nor cut."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the environment."""
    torch: str = ""
    """eager or compiled; empty for the product."""


def _sdpa(kernels: int) -> dict[str, str]:
    """Choose attention kernels by ONNX Runtime's bit mask."""
    return {"RETOUCH_CUDA_OPTIONS": f"sdpa_kernel={kernels}"}


_HOST, _NO_GRAPH = {"RETOUCH_LOOP": "host"}, {"RETOUCH_CUDA_GRAPH": "off"}
_NCHW, _NHWC = ({"RETOUCH_CUDA_OPTIONS": f"prefer_nhwc={value}"} for value in (0, 1))

ROWS = {
    "plain-host": Row("plain graphs, host loop", True, _HOST | _NCHW),
    "plain-device": Row("plain graphs, device loop", True, _NO_GRAPH | _NCHW),
    "plain-graph": Row("plain graphs, device loop, CUDA graph", True, _NCHW),
    "plain-graph-nhwc": Row("plain graphs, device loop, CUDA graph, prefer_nhwc", True, _NHWC),
    "host": Row("fused and cut graphs, host loop", settings=_HOST),
    "device": Row("fused and cut graphs, device loop", settings=_NO_GRAPH),
    "graph": Row("fused and cut graphs, device loop, CUDA graph (the product)"),
    "graph-flash": Row("the product, attention by flash kernels alone", settings=_sdpa(1)),
    "graph-cudnn": Row("the product, attention by cuDNN alone", settings=_sdpa(8)),
    "diffusers": Row("diffusers, channels last", torch="eager"),
    "diffusers-compiled": Row("diffusers, channels last, torch.compile", torch="compiled"),
}
ON_ANY_DEVICE = ("host", "device", "diffusers")
"""The rows that mean something where there is no CUDA."""


@dataclass(frozen=True, eq=False)
class Engine:
    """One engine, open."""

    draw: Callable[[], np.ndarray]
    """Makes the picture, (side, side, 3)."""
    steps_s: Callable[[], float]
    """Seconds of all steps of the last picture."""
    facts: Callable[[], dict[str, Any]] = dict
    """What else there is to say after the last picture."""


def open_engine(folder: Path, name: str, device: str, side: int) -> Engine:
    """Open a row; the environment of this process is set for it."""
    row = ROWS[name]
    if row.torch:
        return _diffusers(folder, device, side, compiled=row.torch == "compiled")
    settings = dict(row.settings)
    if device == "cpu" and name == "device":
        settings["RETOUCH_LOOP"] = "device"
    os.environ.update(settings)
    return _retouch(folder, device, side, plain=row.plain)


def _retouch(folder: Path, device: str, side: int, *, plain: bool) -> Engine:
    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest

    image, mask = scene(side)
    engine = Inpainter(open_form(folder, plain=plain), provider=device, memory="high")
    request = InpaintRequest(
        prompt=PROMPT,
        seed=SEED,
        rng="torch-cpu",
        steps=STEPS,
        guidance=GUIDANCE,
        sampler="ddim",
        area="picture",
        work_size=(side, side),
        latent_mask="nearest",
        blend="hard",
        feather=0,
        overlay=False,
    )
    last: dict[str, Any] = {}

    def draw() -> np.ndarray:
        engine.forget()
        last["result"] = engine.run(image, mask, request)
        return np.asarray(last["result"].image)

    def facts() -> dict[str, Any]:
        session = engine.graphs["unet"]
        buckets = list(session.buckets._kept.values())
        return {
            "recorded": [bucket.recorded for bucket in buckets],
            "unet_ms": _median_ms(buckets[-1].run, 30 if side > 256 else 3) if buckets else None,
            "notes": list(last["result"].notes),
            "seconds": {phase: round(s, 4) for phase, s in last["result"].seconds.items()},
        }

    return Engine(draw, lambda: float(last["result"].seconds["steps"]), facts)


def _median_ms(run: Callable[[], None], times: int) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1e3


def _diffusers(folder: Path, device: str, side: int, *, compiled: bool) -> Engine:
    """diffusers with PyTorch, fp16 and channels-last on a GPU, its encoder held to the mean as that of the product."""
    import torch
    from diffusers import StableDiffusionInpaintPipeline
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
    from PIL import Image

    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()

    half = torch.float16 if device.startswith("cuda") else torch.float32
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(folder / "model", torch_dtype=half).to(device)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.unet.to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    if compiled:
        pipeline.unet = torch.compile(pipeline.unet)
        pipeline.vae.decode = torch.compile(pipeline.vae.decode)
    image, mask = scene(side)
    picture, hole = Image.fromarray(image), Image.fromarray((mask * 255).astype(np.uint8))
    marks: list[float] = []

    def mark(pipe: Any, index: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        if device.startswith("cuda") and index in (0, STEPS - 1):
            torch.cuda.synchronize()
        marks.append(time.perf_counter())
        return values

    def draw() -> np.ndarray:
        marks.clear()
        made = pipeline(
            prompt=PROMPT,
            image=picture,
            mask_image=hole,
            height=side,
            width=side,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            strength=1.0,
            generator=torch.Generator("cpu").manual_seed(SEED),
            callback_on_step_end=mark,
        )
        return np.asarray(made.images[0])

    return Engine(draw, lambda: (marks[-1] - marks[0]) / (STEPS - 1) * STEPS)
