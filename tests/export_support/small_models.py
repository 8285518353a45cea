"""Builds a small checkpoint of every family, in the layout of diffusers, from a configuration and a seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from retouch_export.clip_vocabulary import write_vocabulary

VOCABULARY = 700
TOKENS = 16
WIDTH = 64


@dataclass(frozen=True, kw_only=True)
class Small:
    """What sets one small checkpoint apart."""

    family: str
    """The family it must be recognised as."""
    channels: int = 9
    levels: int = 4
    linear: bool = False
    two_texts: bool = False
    guidance_width: int | None = None
    scheduler: Mapping[str, Any] = field(default_factory=dict)


_TRAILING = {"timestep_spacing": "trailing"}
_ZERO_SNR = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
_V = {"prediction_type": "v_prediction"}

SMALL: Mapping[str, Small] = {
    "sd15-inpaint": Small(family="sd15"),
    "sd15": Small(family="sd15", channels=4),
    "sd2-inpaint": Small(family="sd2", linear=True),
    "sd2-inpaint-v": Small(family="sd2", linear=True, scheduler=_V),
    "sd2-v": Small(family="sd2", linear=True, channels=4, scheduler=_V),
    "sd2-zero-snr": Small(family="sd2", linear=True, scheduler=_ZERO_SNR),
    "sdxl-inpaint": Small(family="sdxl", levels=3, linear=True, two_texts=True),
    "sdxl": Small(family="sdxl", levels=3, linear=True, two_texts=True, channels=4),
    "lcm": Small(family="lcm", channels=4, guidance_width=32),
    "sd-turbo": Small(family="turbo", linear=True, channels=4, scheduler=_TRAILING),
    "sdxl-turbo": Small(family="turbo", levels=3, linear=True, two_texts=True, channels=4, scheduler=_TRAILING),
    "pocket": Small(family="pocket", levels=3, scheduler={**_V, **_TRAILING}),
}


def build(kind: str, folder: Path) -> Path:
    """Write the small checkpoint of that kind; returns its folder."""
    small = SMALL[kind]
    torch.manual_seed(sum(map(ord, kind)))
    texts = _texts(small)
    tokenizers = [
        CLIPTokenizer.from_pretrained(
            write_vocabulary(folder / f"vocabulary{i}", VOCABULARY, padding), model_max_length=TOKENS
        )
        for i, padding in enumerate(_paddings(small))
    ]
    common: dict[str, Any] = {
        "unet": small_unet(small),
        "vae": _vae(),
        "scheduler": DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
            **small.scheduler,
        ),
        "text_encoder": texts[0],
        "tokenizer": tokenizers[0],
    }
    if small.two_texts:
        pipeline: Any = StableDiffusionXLInpaintPipeline(text_encoder_2=texts[1], tokenizer_2=tokenizers[1], **common)
    else:
        pipeline = StableDiffusionInpaintPipeline(
            safety_checker=None, feature_extractor=None, requires_safety_checker=False, **common
        )
    pipeline.save_pretrained(folder / "model")
    return folder / "model"


def _paddings(small: Small) -> tuple[str, ...]:
    end, mark = "<|endoftext|>", "!"
    if small.two_texts:
        return end, mark
    return (mark,) if small.linear else (end,)


def _texts(small: Small) -> list[Any]:
    """One or two text encoders; the old convention for the end of text, as in the real checkpoints."""
    act = "gelu" if small.linear and not small.two_texts else "quick_gelu"
    config = {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 1,
        "max_position_embeddings": TOKENS,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    first = CLIPTextModel(CLIPTextConfig(**config, hidden_act=act))
    if not small.two_texts:
        return [first]
    second = CLIPTextConfig(**config, hidden_act="gelu", projection_dim=WIDTH)
    return [first, CLIPTextModelWithProjection(second)]


def small_unet(small: Small) -> UNet2DConditionModel:
    widths = (64, 64, 64, 64)[: small.levels]
    attends = [True] * (small.levels - 1) + [False]
    if small.levels == 3:
        attends = [False, True, True]
    extra: dict[str, Any] = {}
    if small.two_texts:
        extra = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": WIDTH + 6 * 8,
            "transformer_layers_per_block": (1, 1, 2),
        }
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=small.channels,
        out_channels=4,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        up_block_types=["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        cross_attention_dim=WIDTH * (2 if small.two_texts else 1),
        attention_head_dim=[w // 64 for w in widths] if small.linear else 8,
        use_linear_projection=small.linear,
        time_cond_proj_dim=small.guidance_width,
        **extra,
    )


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(16, 16, 16, 16),
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        layers_per_block=1,
        latent_channels=4,
        sample_size=128,
        norm_num_groups=8,
    )
