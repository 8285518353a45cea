"""The engines of the comparison, each opened in a process of its own that imports nothing of the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from drawn import Draw, Drawn, Stopwatch
from sd_cpp_engine import open_sd_cpp
from task import GUIDANCE, NEGATIVE, PROMPT, SEED, Task
from torch_engines import open_diffusers, open_diffusers_channels_last, open_diffusers_compiled, open_optimum


def open_retouch(model: Path, task: Task, threads: int) -> Draw:
    """The product as a library; prompts and pictures are encoded anew each time, as in the other engines."""
    return _open_retouch(model, task, threads, "high")


def open_retouch_low(model: Path, task: Task, threads: int) -> Draw:
    """The product with one graph open at a time, and guidance as two calls."""
    return _open_retouch(model, task, threads, "low")


def _open_retouch(model: Path, task: Task, threads: int, memory: Any) -> Draw:
    from retouch.pipeline import Inpainter
    from retouch_models.bundle import open_bundle

    return _inpainter_draw(Inpainter(open_bundle(model), provider="cpu", threads=threads, memory=memory), task)


def open_openvino(model: Path, task: Task, threads: int, *, exact: bool = True) -> Draw:
    """The product's steps around OpenVINO, computing in float32 as the others do."""
    from openvino_graphs import open_inpainter

    cache = task.picture.with_name("openvino-cache")
    return _inpainter_draw(open_inpainter(model, threads, cache, task.side, exact=exact), task)


def open_openvino_bf16(model: Path, task: Task, threads: int) -> Draw:
    """OpenVINO as it comes: in bfloat16 where the processor has it, which changes the picture."""
    return open_openvino(model, task, threads, exact=False)


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
    "openvino": open_openvino,
    "openvino-bf16": open_openvino_bf16,
    "sd.cpp": open_sd_cpp,
}
