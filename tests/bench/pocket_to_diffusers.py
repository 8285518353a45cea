"""Bring the bundled model back into a folder that diffusers loads, so that both run the same weights.

    python tests/bench/pocket_to_diffusers.py BUNDLE FOLDER [--optimum]      (with the Python of the export extra)

The graphs keep the names of the modules they were traced from; eight-bit weights times their scales are the very
numbers that the product computes with. A weight that is not found keeps a random value, which is said: speed does not
depend on it. `--optimum` also writes the folder that optimum's pipeline loads.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
from onnx import numpy_helper
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from retouch_models.bundle import Bundle, open_bundle

UNET = {
    "sample_size": 32,
    "in_channels": 9,
    "out_channels": 4,
    "layers_per_block": 2,
    "block_out_channels": (128, 192, 256),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 256,
    "attention_head_dim": (4, 6, 8),
}
VAE = {
    "sample_size": 256,
    "latent_channels": 4,
    "layers_per_block": 1,
    "block_out_channels": (32, 64, 128, 192),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 8,
    "mid_block_add_attention": False,
}
TEXT = {
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "projection_dim": 256,
    "hidden_act": "quick_gelu",
}
PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "sample": "sample"}


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights that a graph computes with, by the names of the modules it was traced from."""
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    found: dict[str, Any] = {}
    for name, value in stored.items():
        if name.endswith(".scale"):
            continue
        base = name.removesuffix(".i8").removesuffix(".f16")
        full = value.astype(np.float32) * stored[f"{base}.scale"] if name.endswith(".i8") else value
        transposed = base.endswith("^T")
        found[base.removesuffix("^T")] = full.T if transposed else full
    return {
        name.removeprefix("model."): torch.from_numpy(np.array(value))
        for name, value in found.items()
        if name.startswith("model.")
    }


def fill(module: torch.nn.Module, *graphs: Path) -> int:
    """Put the weights of the graphs into a module; returns how many of its weights stay random."""
    weights = {name: value for path in graphs for name, value in weights_of(path).items()}
    fitting = {
        name: weights[name] for name, own in module.state_dict().items()
        if name in weights and weights[name].shape == own.shape
    }  # fmt: skip
    module.load_state_dict(fitting, strict=False)
    return sum(1 for name, _ in module.named_parameters() if name not in fitting)


def convert(bundle: Bundle, folder: Path) -> int:
    """Write the diffusers folder; returns the number of weights that were not found."""
    manifest = bundle.manifest
    words = manifest.text.tokenizers[0]
    torch.manual_seed(0)
    text = CLIPTextModel(
        CLIPTextConfig(
            **TEXT,
            vocab_size=len(json.loads((bundle.folder / words.folder / "vocab.json").read_text(encoding="utf-8"))),
            max_position_embeddings=words.tokens,
            bos_token_id=words.bos,
            eos_token_id=words.eos,
            pad_token_id=words.pad,
        )
    )
    unet = UNet2DConditionModel(**UNET)
    vae = AutoencoderKL(**VAE, scaling_factor=manifest.latent.scale)
    missing = fill(text, bundle.graph_path("text_encoder")) + fill(unet, bundle.graph_path("unet"))
    missing += fill(vae, bundle.graph_path("vae_encoder"), bundle.graph_path("vae_decoder"))
    noise = manifest.noise
    scheduler = DDIMScheduler(
        beta_start=noise.beta_start,
        beta_end=noise.beta_end,
        beta_schedule=noise.beta_schedule,
        prediction_type=PREDICTIONS[noise.prediction],
        timestep_spacing=noise.spacing,
        steps_offset=noise.steps_offset,
        clip_sample=False,
        set_alpha_to_one=noise.final_sigma_zero,
    )
    pipeline = StableDiffusionInpaintPipeline(
        text_encoder=text,
        vae=vae,
        unet=unet,
        scheduler=scheduler,
        tokenizer=_tokenizer(bundle, words),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return missing


def _tokenizer(bundle: Bundle, words: Any) -> CLIPTokenizer:
    folder = bundle.folder / words.folder
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=words.tokens, pad_token="<|endoftext|>"
    )


def export_with_optimum(folder: Path) -> None:
    """Let optimum export the folder for its own pipeline."""
    from optimum.exporters.onnx import main_export

    target = folder.with_name(f"{folder.name}-optimum")
    main_export(str(folder), target, task="text-to-image", library_name="diffusers", do_validation=False)


def main() -> int:
    """Convert; prints one line that says whether the weights are the bundle's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="a diffusers folder of the same model to use instead")
    parser.add_argument("--optimum", action="store_true")
    args = parser.parse_args()
    if args.checkpoint is not None:
        shutil.copytree(args.checkpoint, args.folder)
        print("weights of the given checkpoint")  # noqa: T201
    else:
        missing = convert(open_bundle(args.bundle), args.folder)
        print("weights of the bundle" if missing == 0 else f"{missing} weights are random")  # noqa: T201
    if args.optimum:
        export_with_optimum(args.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
