"""The engines of the comparison, each opened in a process of its own that imports nothing of the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from task import GUIDANCE, NEGATIVE, PROMPT, SEED, SIDE, Task

Draw: TypeAlias = Callable[[], Any]
"""Does the task once, warm; returns what has `save(path)`: a Pillow picture."""


def open_retouch(model: Path, task: Task, threads: int) -> Draw:
    """The product as a library; prompts and pictures are encoded anew each time, as in the other engines."""
    from PIL import Image

    from retouch.image_io import load_mask, load_picture
    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest
    from retouch_models.bundle import open_bundle

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
    engine = Inpainter(open_bundle(model), provider="cpu", threads=threads)

    def draw() -> Any:
        engine.forget()
        return Image.fromarray(engine.run(picture.pixels, mask, request).image)

    return draw


def open_diffusers(model: Path, task: Task, threads: int) -> Draw:
    """diffusers with PyTorch in float32, as its documentation does it."""
    import torch
    from diffusers import StableDiffusionInpaintPipeline

    torch.set_num_threads(threads)
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        model, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    return _pipeline_draw(_hold_to_the_mode(pipeline), task)


def open_diffusers_compiled(model: Path, task: Task, threads: int) -> Draw:
    """diffusers with the UNet and the decoder through `torch.compile` (needs a C++ compiler; minutes at the start)."""
    import torch
    from diffusers import StableDiffusionInpaintPipeline

    torch.set_num_threads(threads)
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        model, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    pipeline.unet = torch.compile(pipeline.unet)
    pipeline.vae.decode = torch.compile(pipeline.vae.decode)
    return _pipeline_draw(_hold_to_the_mode(pipeline), task)


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


def _hold_to_the_mode(pipeline: Any) -> Any:
    """The product encodes to the mean of the VAE's posterior, so the same is asked of diffusers; it draws otherwise."""
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
    return pipeline


def _pipeline_draw(pipeline: Any, task: Task) -> Draw:
    import torch
    from PIL import Image

    picture, mask = Image.open(task.picture).convert("RGB"), Image.open(task.mask).convert("L")
    if task.sampler == "dpmpp_2m":
        from diffusers import DPMSolverMultistepScheduler

        pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)

    def draw() -> Any:
        return pipeline(
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
        ).images[0]

    return draw


ENGINES: dict[str, Callable[[Path, Task, int], Draw]] = {
    "retouch": open_retouch,
    "diffusers": open_diffusers,
    "diffusers-compiled": open_diffusers_compiled,
    "optimum": open_optimum,
}
