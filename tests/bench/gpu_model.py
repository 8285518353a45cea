"""A random model of Stable Diffusion 1.5's size, made on the spot, and the forms of its exported bundle to compare."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from retouch_models.bundle import Bundle, open_bundle

NATIVE, SMALL = 512, 256


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
        sample_size=NATIVE,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
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


def open_form(folder: Path, *, plain: bool) -> Bundle:
    """The exported bundle; `plain` takes the half-precision graphs that were neither fused nor cut.

    Those are exported for DirectML; ONNX Runtime's CUDA provider runs them as well.
    """
    bundle = open_bundle(folder / "bundle")
    graphs = dict(bundle.manifest.graphs)
    if plain:
        for role in [role for role in graphs if role.endswith("@cuda")]:
            del graphs[role]
        graphs |= {f"{r.partition('@')[0]}@cuda": spec for r, spec in graphs.items() if r.endswith("@directml")}
    return Bundle(bundle.folder, replace(bundle.manifest, graphs=graphs))


def scene(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture, (side, side, 3), and a mask, (side, side)."""
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), np.float32)
    mask[side // 4 : side * 3 // 4, side // 4 : side * 3 // 4] = 1
    return image, mask
