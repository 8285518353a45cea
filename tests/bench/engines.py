"""The engines of the comparison, each opened in a process of its own that imports nothing of the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from task import GUIDANCE, NEGATIVE, PROMPT, SEED, SIDE, Task


@dataclass(frozen=True)
class Drawn:
    """What one turn gave."""

    picture: Any
    """Has `save(path)`: a Pillow picture."""
    steps: list[float]
    """Seconds of each step but the first, the sampler's work and guidance included."""


Draw: TypeAlias = Callable[[], Drawn]
"""Does the task once, warm."""


class StepClock:
    """Notes when steps end."""

    def __init__(self) -> None:
        """No step has ended."""
        self._ends: list[float] = []

    def tick(self) -> None:
        """A step has ended."""
        self._ends.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Seconds between the ends."""
        return [after - before for before, after in zip(self._ends, self._ends[1:], strict=False)]


def open_retouch(model: Path, task: Task, threads: int) -> Draw:
    """The product as a library; prompts and pictures are encoded anew each time, as in the other engines."""
    from retouch.pipeline import Inpainter
    from retouch_models.bundle import open_bundle

    return _inpainter_draw(Inpainter(open_bundle(model), provider="cpu", threads=threads), task)


def open_openvino(model: Path, task: Task, threads: int, *, exact: bool = True) -> Draw:
    """The product's steps around OpenVINO, computing in float32 as the others do."""
    from openvino_graphs import open_inpainter

    return _inpainter_draw(open_inpainter(model, threads, task.picture.with_name("openvino-cache"), exact=exact), task)


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
        work_size=(SIDE, SIDE),
        overlay=False,
        blend="hard",
        feather=0,
    )

    def draw() -> Drawn:
        engine.forget()
        clock = StepClock()

        def watch(progress: Progress) -> None:
            if progress.phase == "step":
                clock.tick()

        image = engine.run(picture.pixels, mask, request, watch).image
        return Drawn(Image.fromarray(image), clock.seconds())

    return draw


def open_diffusers(model: Path, task: Task, threads: int) -> Draw:
    """diffusers with PyTorch in float32, as its documentation does it."""
    return _pipeline_draw(_torch_pipeline(model, threads), task)


def open_diffusers_compiled(model: Path, task: Task, threads: int) -> Draw:
    """diffusers with the UNet and the decoder through `torch.compile` (needs a C++ compiler; minutes at the start)."""
    import torch

    pipeline = _torch_pipeline(model, threads)
    pipeline.unet = torch.compile(pipeline.unet)
    pipeline.vae.decode = torch.compile(pipeline.vae.decode)
    return _pipeline_draw(pipeline, task)


def _torch_pipeline(model: Path, threads: int) -> Any:
    """The product encodes to the mean of the VAE's posterior, so the same is asked of diffusers; it draws otherwise."""
    import torch
    from diffusers import StableDiffusionInpaintPipeline
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
    torch.set_num_threads(threads)
    return StableDiffusionInpaintPipeline.from_pretrained(
        model, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )


def open_optimum(model: Path, task: Task, threads: int) -> Draw:
    """optimum's ONNX Runtime pipeline, on graphs that it exported itself (see `pocket_to_diffusers.py --optimum`)."""
    import onnxruntime
    from optimum.onnxruntime import ORTStableDiffusionInpaintPipeline

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    pipeline = ORTStableDiffusionInpaintPipeline.from_pretrained(
        model.with_name(f"{model.name}-optimum"), session_options=options, provider="CPUExecutionProvider"
    )
    return _pipeline_draw(pipeline, task)


def _pipeline_draw(pipeline: Any, task: Task) -> Draw:
    import torch
    from PIL import Image

    picture, mask = Image.open(task.picture).convert("RGB"), Image.open(task.mask).convert("L")
    if task.sampler == "dpmpp_2m":
        from diffusers import DPMSolverMultistepScheduler

        pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)

    def draw() -> Drawn:
        clock = StepClock()

        def watch(_pipeline: Any, _index: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            clock.tick()
            return tensors

        image = pipeline(
            prompt=PROMPT,
            negative_prompt=NEGATIVE,
            image=picture,
            mask_image=mask,
            height=SIDE,
            width=SIDE,
            num_inference_steps=task.steps,
            guidance_scale=GUIDANCE,
            strength=1.0,
            generator=torch.Generator("cpu").manual_seed(SEED),
            callback_on_step_end=watch,
        ).images[0]
        return Drawn(image, clock.seconds())

    return draw


ENGINES: dict[str, Callable[[Path, Task, int], Draw]] = {
    "retouch": open_retouch,
    "diffusers": open_diffusers,
    "diffusers-compiled": open_diffusers_compiled,
    "optimum": open_optimum,
    "openvino": open_openvino,
    "openvino-bf16": open_openvino_bf16,
}
