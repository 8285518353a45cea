"""Pipelines of diffusers: on PyTorch in three ways, and on ONNX Runtime by optimum."""

from pathlib import Path
from typing import Any

from drawn import Draw, Drawn, Stopwatch
from task import GUIDANCE, NEGATIVE, PROMPT, SEED, Task


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


def open_diffusers_channels_last(model: Path, task: Task, threads: int) -> Draw:
    """diffusers with channels last in memory, which its documentation counts among the ways to speed it up."""
    import torch

    pipeline = _torch_pipeline(model, threads)
    for network in (pipeline.unet, pipeline.vae):
        network.to(memory_format=torch.channels_last)
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


def open_optimum_intel(model: Path, task: Task, threads: int, precision: str | None = None) -> Draw:
    """optimum-intel's OpenVINO pipeline (`optimum_intel_model.py`) as it comes: bfloat16 where the processor has it.

    Told the size, as its documentation advises, and to keep what it compiled, which it does not by itself.
    """
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
    from optimum.intel import OVStableDiffusionInpaintPipeline

    DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mode()
    cache = task.picture.with_name(f"openvino-{precision}")
    settings = {"INFERENCE_NUM_THREADS": str(threads), "CACHE_DIR": str(cache)}
    if precision is not None:
        settings |= {"INFERENCE_PRECISION_HINT": precision, "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
    pipeline = OVStableDiffusionInpaintPipeline.from_pretrained(
        model.with_name(f"{model.name}-openvino"), ov_config=settings, compile=False, safety_checker=None
    )
    pipeline.reshape(batch_size=1, height=task.side, width=task.side, num_images_per_prompt=1)
    pipeline.compile()
    return _pipeline_draw(pipeline, task)


def open_optimum_intel_exact(model: Path, task: Task, threads: int) -> Draw:
    """The same told to compute in float32."""
    return open_optimum_intel(model, task, threads, "f32")


def _pipeline_draw(pipeline: Any, task: Task) -> Draw:
    import torch
    from PIL import Image

    picture, mask = Image.open(task.picture).convert("RGB"), Image.open(task.mask).convert("L")
    if task.sampler == "dpmpp_2m":
        from diffusers import DPMSolverMultistepScheduler

        pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    watch = Stopwatch()
    pipeline.encode_prompt = watch.timed("text", pipeline.encode_prompt)
    pipeline.vae.encode = watch.timed("encode", pipeline.vae.encode)
    pipeline.vae.decode = watch.timed("decode", pipeline.vae.decode)

    def look(_pipeline: Any, _index: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        watch.tick()
        return tensors

    def draw() -> Drawn:
        watch.start()
        image = pipeline(
            prompt=PROMPT,
            negative_prompt=NEGATIVE,
            image=picture,
            mask_image=mask,
            height=task.side,
            width=task.side,
            num_inference_steps=task.steps,
            guidance_scale=GUIDANCE,
            strength=1.0,
            generator=torch.Generator("cpu").manual_seed(SEED),
            callback_on_step_end=look,
        ).images[0]
        return watch.drawn(image)

    return draw
