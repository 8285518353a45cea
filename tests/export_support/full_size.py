"""Measures the export of a checkpoint at its real configuration with random weights, and one picture of it.

    python -m export_support.full_size sd15-inpaint FOLDER [--skip-picture]     (from the folder `tests`)

Prints seconds, peak memory and sizes of each stage as a row of the table in docs/export.md. Needs 24 GB of disk for
SDXL; weights are of a size that keeps activations near one.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_SD15_TEXT = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "bos_token_id": 0,
    "eos_token_id": 2,
}
_SD2_TEXT = {
    **_SD15_TEXT,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
}
_SDXL_TEXT = {
    **_SD15_TEXT,
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
_UNET = {"in_channels": 9, "out_channels": 4, "layers_per_block": 2, "sample_size": 64}
_FOUR = {"block_out_channels": [320, 640, 1280, 1280]}
_VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
}

FULL: dict[str, dict[str, Any]] = {
    "sd15-inpaint": {
        "unet": {**_UNET, **_FOUR, "cross_attention_dim": 768, "attention_head_dim": 8},
        "vae": _VAE,
        "text_encoder": ("CLIPTextModel", _SD15_TEXT),
    },
    "sd2-inpaint": {
        "unet": {
            **_UNET,
            **_FOUR,
            "cross_attention_dim": 1024,
            "attention_head_dim": [5, 10, 20, 20],
            "use_linear_projection": True,
        },
        "vae": _VAE,
        "text_encoder": ("CLIPTextModel", _SD2_TEXT),
    },
    "sdxl-inpaint": {
        "unet": {
            **_UNET,
            "sample_size": 128,
            "block_out_channels": [320, 640, 1280],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "cross_attention_dim": 2048,
            "attention_head_dim": [5, 10, 20],
            "use_linear_projection": True,
            "transformer_layers_per_block": [1, 2, 10],
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        "vae": {**_VAE, "scaling_factor": 0.13025, "sample_size": 1024},
        "text_encoder": ("CLIPTextModel", _SD15_TEXT),
        "text_encoder_2": ("CLIPTextModelWithProjection", _SDXL_TEXT),
    },
}


def build(kind: str, folder: Path) -> Path:
    """Write the checkpoint in fp16; no network is ever held in fp32."""
    from retouch_export.clip_vocabulary import SIZE, write_vocabulary

    index: dict[str, Any] = {"_class_name": "StableDiffusionInpaintPipeline"}
    for part, entry in FULL[kind].items():
        library = "transformers" if isinstance(entry, tuple) else "diffusers"
        default = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL"}
        name, config = entry if isinstance(entry, tuple) else (default[part], entry)
        index[part] = [library, name]
        _write_part(folder / part, name, config)
        if part.startswith("text"):
            padding = "!" if part == "text_encoder_2" or config["hidden_act"] == "gelu" else "<|endoftext|>"
            write_vocabulary(folder / part.replace("text_encoder", "tokenizer"), SIZE, padding)
    (folder / "scheduler").mkdir(exist_ok=True)
    noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(noise))
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _write_part(folder: Path, name: str, config: dict[str, Any]) -> None:
    import torch
    from safetensors.torch import save_file

    from retouch_export.networks import TEXT_CLASSES
    from retouch_export.networks import build as outline

    folder.mkdir(parents=True, exist_ok=True)
    with torch.device("meta"):
        network = outline(name, config)
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for key, meta in network.named_parameters():
        if meta.ndim == 1:
            value = torch.ones(meta.shape) if key.endswith("weight") else torch.zeros(meta.shape)
        else:
            fan_in = 1.0 if "embedding" in key and "linear" not in key else math.prod(meta.shape[1:])
            value = torch.randn(meta.shape, generator=generator) * (0.02 if fan_in == 1 else 0.7 / math.sqrt(fan_in))
        weights[key] = value.half()
    file = "model.safetensors" if name in TEXT_CLASSES else "diffusion_pytorch_model.safetensors"
    save_file(weights, folder / file, metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))


def _picture(bundle: Path) -> None:
    """One picture of two steps at the native size, in this process."""
    import numpy as np

    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest
    from retouch_models.bundle import open_bundle

    opened = open_bundle(bundle)
    side = opened.manifest.size.native
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), np.float32)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = 1
    request = InpaintRequest(prompt="a red heart", steps=2, area="picture", work_size=(side, side))
    result = Inpainter(opened, provider="cpu").run(image, mask, request)
    if not (result.image[mask > 0] != image[mask > 0]).any():
        raise SystemExit("the picture did not change")
    sys.stderr.write(f"{ {name: round(s, 1) for name, s in result.seconds.items()} }\n")


def _measured(*command: str) -> tuple[float, float]:
    """Seconds and peak memory in GB of a command."""
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, *command], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.monotonic() - begun, int(done.stdout.split()[-1]) * 1024 / 1e9


def main() -> None:
    """Build, export, paint; print one row of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=FULL)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stage", choices=("all", "build", "picture"), default="all")
    parser.add_argument("--skip-picture", action="store_true")
    parser.add_argument("--skip-paint", action="store_true")
    args = parser.parse_args()
    model, bundle = args.folder / f"{args.kind}-model", args.folder / args.kind
    if args.stage == "build":
        build(args.kind, model)
        return
    if args.stage == "picture":
        _picture(bundle)
        return
    again = (sys.executable, "-m", "export_support.full_size", args.kind, str(args.folder), "--stage")
    _measured(*again, "build")
    size = sum(f.stat().st_size for f in model.rglob("*.safetensors")) / 1e9
    skip = ("--skip-picture",) if args.skip_picture else ()
    seconds, memory = _measured(
        sys.executable, "-m", "retouch_export", str(model), "--output", str(bundle), "--precision", "fp16", *skip
    )
    stored = sum(f.stat().st_size for f in bundle.rglob("*") if f.is_file()) / 1e9
    row = f"| {args.kind} | {size:.2f} | {seconds:.0f} | {memory:.2f} ({memory / size:.1f}x) | {stored:.2f} |"
    if not args.skip_paint:
        seconds, memory = _measured(*again, "picture")
        row += f" {seconds:.0f} | {memory:.2f} |"
    sys.stdout.write(f"{row}\n")


if __name__ == "__main__":
    main()
