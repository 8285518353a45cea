"""The engines of the comparison, each opened in a process of its own that imports nothing of the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from drawn import Draw, Drawn, Stopwatch
from sd_cpp_engine import open_sd_cpp
from task import GUIDANCE, NEGATIVE, PROMPT, SEED, Task
from torch_engines import (
    open_diffusers,
    open_diffusers_channels_last,
    open_diffusers_compiled,
    open_optimum,
    open_optimum_intel,
    open_optimum_intel_exact,
)


def open_retouch(model: Path, task: Task, threads: int) -> Draw:
    """The product as a library; prompts and pictures are encoded anew each time, as in the other engines."""
    return _open_retouch(model, task, threads)


def open_retouch_low(model: Path, task: Task, threads: int) -> Draw:
    """The product with one graph open at a time, and guidance as two calls."""
    return _open_retouch(model, task, threads, memory="low")


def open_retouch_openvino(model: Path, task: Task, threads: int) -> Draw:
    """The product on OpenVINO, computing in float32 as the others do."""
    return _open_retouch(model, task, threads, provider="openvino")


def open_retouch_openvino_bf16(model: Path, task: Task, threads: int) -> Draw:
    """The same in bfloat16, which changes the picture."""
    return _open_retouch(model, task, threads, provider="openvino:bf16")


def _open_retouch(model: Path, task: Task, threads: int, *, provider: str = "cpu", memory: Any = "high") -> Draw:
    from retouch.pipeline import Inpainter
    from retouch_models.bundle import open_bundle

    return _inpainter_draw(Inpainter(open_bundle(model), provider=provider, threads=threads, memory=memory), task)


def _inpainter_draw(engine: Any, task: Task) -> Draw:
    from PIL import Image

    from retouch.image_io import load_mask, load_picture
    from retouch.progress import Progress
    from retouch.request import InpaintRequest

    picture = load_picture(task.picture)
    mask = load_mask(task.mask, picture.size)
    request = InpaintRequest(
        prompt=PROMPT,
        negative_prompt=NEGATIVE,
        seed=SEED,
        steps=task.steps,
        guidance=GUIDANCE,
        sampler=task.sampler,
        schedule="model",
        rng="torch-cpu",
        latent_mask="nearest",
        area="picture",
        work_size=(task.side, task.side),
        overlay=False,
        blend="hard",
        feather=0,
    )

    def draw() -> Drawn:
        engine.forget()
        watch = Stopwatch()

        def look(progress: Progress) -> None:
            if progress.phase == "step":
                watch.tick()

        result = engine.run(picture.pixels, mask, request, look)
        return watch.drawn(Image.fromarray(result.image), result.seconds)

    return draw


ENGINES: dict[str, Callable[[Path, Task, int], Draw]] = {
    "retouch": open_retouch,
    "retouch-low": open_retouch_low,
    "diffusers": open_diffusers,
    "diffusers-channels-last": open_diffusers_channels_last,
    "diffusers-compiled": open_diffusers_compiled,
    "optimum": open_optimum,
    "retouch-openvino": open_retouch_openvino,
    "retouch-openvino-bf16": open_retouch_openvino_bf16,
    "optimum-intel": open_optimum_intel,
    "optimum-intel-f32": open_optimum_intel_exact,
    "sd.cpp": open_sd_cpp,
}
