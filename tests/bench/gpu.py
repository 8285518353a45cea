"""The parts of `gpu.sh`: a random model of Stable Diffusion 1.5's size, and one engine timed on it.

python tests/bench/gpu.py build FOLDER [--small]
python tests/bench/gpu.py measure FOLDER --engine retouch|diffusers|diffusers-compiled [--device cuda]
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PROMPT, STEPS, GUIDANCE, SEED = "a red heart", 20, 7.5, 1
REPEATS, WARM_UP = 10, 3


def build(folder: Path, *, small: bool) -> None:
    """Write a diffusers folder with random weights; `small` has the same parts a hundredth of the size."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    width = 64 if small else 768
    channels = (32, 32, 64, 64) if small else (320, 640, 1280, 1280)
    words = _vocabulary(folder)
    tokenizer = CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), model_max_length=77)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=width * 4,
            num_hidden_layers=2 if small else 12,
            num_attention_heads=2 if small else 12,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=64, in_channels=9, cross_attention_dim=width, attention_head_dim=8, block_out_channels=channels
    )
    vae = AutoencoderKL(
        block_out_channels=(32, 32, 32, 32) if small else (128, 256, 512, 512),
        layers_per_block=1 if small else 2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        sample_size=512,
    )
    StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def _vocabulary(folder: Path) -> Path:
    """A byte-pair vocabulary without merges: every letter is a word."""
    words = folder / "words"
    words.mkdir(parents=True, exist_ok=True)
    letters = [chr(c) for c in range(33, 127)]
    names = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    (words / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}), encoding="utf-8")
    (words / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return words


def scene(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture, (side, side, 3), and a mask, (side, side)."""
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), np.float32)
    mask[side // 4 : side * 3 // 4, side // 4 : side * 3 // 4] = 1
    return image, mask


def open_retouch(folder: Path, device: str, side: int) -> tuple[Callable[[], Any], Callable[[], float]]:
    """The product; also returns what says how long the steps of the last picture took."""
    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest
    from retouch_models.bundle import open_bundle

    image, mask = scene(side)
    engine = Inpainter(open_bundle(folder / "bundle"), provider=device, memory="high")
    request = InpaintRequest(
        prompt=PROMPT, seed=SEED, steps=STEPS, guidance=GUIDANCE, sampler="ddim", area="picture", work_size=(side, side)
    )
    last: dict[str, Any] = {}

    def draw() -> Any:
        engine.forget()
        last["result"] = engine.run(image, mask, request)
        return last["result"].image

    return draw, lambda: float(last["result"].seconds["steps"])


def open_diffusers(
    folder: Path, device: str, side: int, *, compiled: bool
) -> tuple[Callable[[], Any], Callable[[], float]]:
    """diffusers with PyTorch, fp16 and channels-last on a GPU."""
    import torch
    from diffusers import StableDiffusionInpaintPipeline
    from PIL import Image

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

    def draw() -> Any:
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

    return draw, lambda: (marks[-1] - marks[0]) / (STEPS - 1) * STEPS


def measure(folder: Path, engine: str, device: str, *, small: bool) -> None:
    """Print one line: milliseconds of a picture and of a step, and the memory of the GPU."""
    side, warm_up, repeats = (256, 1, 2) if small else (512, WARM_UP, REPEATS)
    start = time.perf_counter()
    if engine == "retouch":
        draw, steps = open_retouch(folder, device, side)
    else:
        draw, steps = open_diffusers(folder, device, side, compiled=engine.endswith("compiled"))
    for _ in range(warm_up):
        image = draw()
    opened = time.perf_counter() - start
    took, stepped = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        image = draw()
        took.append(time.perf_counter() - start)
        stepped.append(steps() / STEPS)
    np.save(folder / f"{engine}.npy", image)
    took.sort()
    print(  # noqa: T201
        f"{engine:20} picture {took[0] * 1e3:8.1f} ms (median {statistics.median(took) * 1e3:.1f}, "
        f"p90 {took[int(len(took) * 0.9)] * 1e3:.1f}), step {min(stepped) * 1e3:6.2f} ms, "
        f"opening and warm-up {opened:.0f} s{_gpu_memory()}{_likeness(folder, engine)}",
        flush=True,
    )


def _likeness(folder: Path, engine: str) -> str:
    """How near the picture is to that of the product, decibels."""
    own = folder / "retouch.npy"
    if engine == "retouch" or not own.exists():
        return ""
    a, b = np.load(own).astype(float), np.load(folder / f"{engine}.npy").astype(float)
    error = np.square(a - b).mean()
    return "" if error == 0 else f", {10 * np.log10(255**2 / error):.1f} dB against the product"


def _gpu_memory() -> str:
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader"]
    try:
        return f", GPU memory {subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()}"
    except (OSError, subprocess.CalledProcessError):
        return ""


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("build", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", choices=("retouch", "diffusers", "diffusers-compiled"), default="retouch")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    if args.part == "build":
        build(args.folder, small=args.small)
    else:
        measure(args.folder, args.engine, args.device, small=args.small)


if __name__ == "__main__":
    main()
