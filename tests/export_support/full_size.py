"""Measures the export of a checkpoint at its real configuration with random weights, and one picture of it.

    python -m export_support.full_size sd15-inpaint FOLDER     (from the folder `tests`)

Prints seconds, peak memory and sizes of each stage as rows of the tables in docs/export.md. What FOLDER has already is
not made again. Needs 14 GB of disk for SDXL; weights are of a size that keeps activations near one.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
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


def _picture(bundle: Path, side: int | None, *, frugal: bool) -> None:
    """One picture of two steps in this process, at the native size if no other is given."""
    import numpy as np

    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest
    from retouch_export.frugal import frugal_processor
    from retouch_models.bundle import open_bundle

    opened = open_bundle(bundle)
    side = opened.manifest.size.native if side is None else side
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), np.float32)
    mask[side // 4 : -side // 4, side // 4 : -side // 4] = 1
    request = InpaintRequest(prompt="a red heart", steps=2, area="picture", work_size=(side, side))
    with frugal_processor() if frugal else nullcontext():
        memory = "low" if frugal else "auto"
        result = Inpainter(opened, provider="cpu", memory=memory).run(image, mask, request)
    if not (result.image[mask > 0] != image[mask > 0]).any():
        raise SystemExit("the picture did not change")
    sys.stderr.write(f"{ {name: round(s, 1) for name, s in result.seconds.items()} }\n")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a process took."""

    seconds: float
    cpu_seconds: float
    peak_gb: float
    """Of resident memory, pages of mapped files included."""
    anonymous_gb: float
    """The same without them, looked at twenty times a second."""

    def words(self, size_gb: float | None = None) -> str:
        """Two columns of the table."""
        share = "" if size_gb is None else f" ({self.peak_gb / size_gb:.2f}x)"
        return (
            f"{self.seconds:.0f} ({self.cpu_seconds:.0f} of CPU) | "
            f"{self.peak_gb:.2f}{share}, {self.anonymous_gb:.2f} without files"
        )


def _measured(*command: str) -> Cost:
    """Run a command; SystemExit if it fails."""
    begun, anonymous = time.monotonic(), 0
    process = subprocess.Popen(command)
    status = Path(f"/proc/{process.pid}/status")
    while True:
        done, code, used = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        found = re.search(r"RssAnon:\s*(\d+) kB", status.read_text())
        anonymous = max(anonymous, int(found[1]) if found else 0)
        time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Cost(
        seconds=time.monotonic() - begun,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_gb=used.ru_maxrss * 1024 / 1e9,
        anonymous_gb=anonymous * 1024 / 1e9,
    )


def _errors(bundle: Path) -> str:
    """The proof of a bundle as rows of a table."""
    parity = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["parity"]
    rows = [f"| {role} | {_cells(proof)} |" for role, proof in parity["graphs"].items()]
    return "\n".join([f"| graph | {' | '.join(_PROOFS)} |", *rows, f"picture: {parity.get('picture')}"])


def _cells(proof: dict[str, Any]) -> str:
    return " | ".join(f"{proof[what]['relative']:.1e}" if what in proof else "-" for what in _PROOFS)


_PROOFS = ("graph", "stored", "half", "cuda_graph", "cuda")


def main() -> None:
    """Build, export, paint; print one row of the table and the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=FULL)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stage", choices=("all", "build", "picture"), default="all")
    parser.add_argument("--skip-picture", action="store_true", help="no picture of diffusers")
    parser.add_argument("--skip-paint", action="store_true", help="no picture of two steps")
    parser.add_argument("--side", type=int, help="of the picture of two steps (default: the model's own)")
    parser.add_argument("--frugal", action="store_true", help="paint it with weights left in their files")
    args = parser.parse_args()
    model, bundle = args.folder / f"{args.kind}-model", args.folder / args.kind
    if args.stage == "build":
        build(args.kind, model)
        return
    if args.stage == "picture":
        _picture(bundle, args.side, frugal=args.frugal)
        return
    again = [sys.executable, "-m", "export_support.full_size", args.kind, str(args.folder)]
    if not model.exists():
        _measured(*again, "--stage", "build")
    size = sum(f.stat().st_size for f in model.rglob("*.safetensors")) / 1e9
    skip = ["--skip-picture"] if args.skip_picture else []
    if not bundle.exists():
        export = [sys.executable, "-m", "retouch_export", str(model), "--output", str(bundle), "--precision", "fp16"]
        cost = _measured(*export, *skip)
        stored = sum(f.stat().st_size for f in bundle.rglob("*") if f.is_file()) / 1e9
        sys.stdout.write(f"| {args.kind} | {size:.2f} | {cost.words(size)} | {stored:.2f} |\n{_errors(bundle)}\n")
    if not args.skip_paint:
        side = [] if args.side is None else ["--side", str(args.side)]
        frugal = ["--frugal"] if args.frugal else []
        cost = _measured(*again, "--stage", "picture", *side, *frugal)
        sys.stdout.write(f"| {args.kind} | picture | {cost.words()} |\n")


if __name__ == "__main__":
    main()
