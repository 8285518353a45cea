"""Reads the configuration of a single-file checkpoint off the shapes of its tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retouch_models.errors import ExportError

Shapes = Mapping[str, tuple[int, ...]]

_UNET = "model.diffusion_model."
_HEADS_SD1 = 8
_HEAD_WIDTH = 64
"""Width of a head of attention in SD 2, SDXL and all text encoders; SD 1 has eight heads at every level instead."""


@dataclass(frozen=True, kw_only=True)
class TextPart:
    """One text encoder of the file."""

    class_name: str
    prefix: str
    open_clip: bool
    config: dict[str, Any]
    padding: str
    """The token that fills a short text."""


def unet_config(shapes: Shapes) -> dict[str, Any]:
    """Configuration of the UNet for diffusers; raises ExportError if the names are of no known structure."""
    own = {name.removeprefix(_UNET): shape for name, shape in shapes.items() if name.startswith(_UNET)}
    try:
        return _unet_config(own, shapes)
    except (KeyError, IndexError, ValueError) as error:
        raise ExportError(f"the UNet of the file is of no known structure ({error})") from None


def _unet_config(own: Shapes, shapes: Shapes) -> dict[str, Any]:
    downs = sorted(int(m[1]) for n in own if (m := re.fullmatch(r"input_blocks\.(\d+)\.0\.op\.weight", n)) is not None)
    stage = downs[0]
    levels = len(downs) + 1
    widths = [own[f"input_blocks.{1 + stage * level}.0.out_layers.3.weight"][0] for level in range(levels)]
    depths = [_depth(own, f"input_blocks.{1 + stage * level}.1") for level in range(levels)]
    projection = next(shape for name, shape in own.items() if name.endswith(".1.proj_in.weight"))
    attention = next(shape for name, shape in own.items() if name.endswith(".attn2.to_k.weight"))
    linear, pooled = len(projection) == 2, "label_emb.0.0.weight" in own
    heads: Any = [width // _HEAD_WIDTH for width in widths] if linear else _HEADS_SD1
    config: dict[str, Any] = {
        # Models trained at 768 look like those trained at 512 and work there too.
        "sample_size": (1024 if pooled else 512) // 2 ** (vae_levels(shapes) - 1),
        "in_channels": own["input_blocks.0.0.weight"][1],
        "out_channels": own["out.2.weight"][0],
        "block_out_channels": widths,
        "layers_per_block": stage - 1,
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        "cross_attention_dim": attention[1],
        "attention_head_dim": heads,
        "use_linear_projection": linear,
        "transformer_layers_per_block": [max(depth, 1) for depth in depths],
    }
    if "time_embed.cond_proj.weight" in own:
        config["time_cond_proj_dim"] = own["time_embed.cond_proj.weight"][1]
    if pooled:
        config |= {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": own["label_emb.0.0.weight"][1],
        }
    return config


def _depth(own: Shapes, place: str) -> int:
    """Count of transformer layers in an attention block, 0 if there is none."""
    pattern = re.compile(re.escape(place) + r"\.transformer_blocks\.(\d+)\.")
    return 1 + max((int(m[1]) for name in own if (m := pattern.match(name)) is not None), default=-1)


def vae_levels(shapes: Shapes, prefix: str = "first_stage_model.") -> int:
    """Count of resolutions of the VAE."""
    pattern = re.compile(re.escape(prefix) + r"decoder\.up\.(\d+)\.")
    return 1 + max((int(m[1]) for name in shapes if (m := pattern.match(name)) is not None), default=3)


def vae_config(shapes: Shapes, prefix: str = "first_stage_model.") -> dict[str, Any]:
    """Configuration of the VAE for diffusers."""
    levels = vae_levels(shapes, prefix)
    try:
        widths = [shapes[f"{prefix}encoder.down.{level}.block.0.conv2.weight"][0] for level in range(levels)]
        latents = shapes[f"{prefix}post_quant_conv.weight"][1]
    except KeyError as error:
        raise ExportError(f"the VAE of the file is of no known structure ({error})") from None
    blocks = [n for n in shapes if re.fullmatch(re.escape(prefix) + r"encoder\.down\.0\.block\.\d+\.conv1\.weight", n)]
    pooled = f"{_UNET}label_emb.0.0.weight" in shapes
    return {
        "block_out_channels": widths,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "layers_per_block": len(blocks),
        "latent_channels": latents,
        "norm_num_groups": min(32, widths[0]),
        "scaling_factor": 0.13025 if pooled else 0.18215,
        "sample_size": 1024 if pooled else 512,
        "mid_block_add_attention": f"{prefix}encoder.mid.attn_1.q.weight" in shapes,
    }


_CLIP = ("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.")
_OPEN_CLIP = ("cond_stage_model.model.", "conditioner.embedders.1.model.", "conditioner.embedders.0.model.")


def text_configs(shapes: Shapes) -> list[TextPart]:
    """The text encoders in their order; raises ExportError if there is none of a known structure."""
    found = []
    for prefix in (*_CLIP, *_OPEN_CLIP):
        open_clip = prefix in _OPEN_CLIP
        token = (
            f"{prefix}token_embedding.weight" if open_clip else f"{prefix}text_model.embeddings.token_embedding.weight"
        )
        if token in shapes:
            found.append(_text_part(shapes, prefix, open_clip))
    if not found:
        raise ExportError("the file holds no CLIP text encoder; give a full checkpoint")
    return found


def _text_part(shapes: Shapes, prefix: str, open_clip: bool) -> TextPart:
    root = prefix if open_clip else f"{prefix}text_model."
    names = {
        True: ("token_embedding.weight", "positional_embedding", "mlp.c_fc.weight", r"transformer\.resblocks"),
        False: (
            "embeddings.token_embedding.weight",
            "embeddings.position_embedding.weight",
            "mlp.fc1.weight",
            r"encoder\.layers",
        ),
    }[open_clip]
    pattern = re.compile(re.escape(root) + names[3] + r"\.(\d+)\.")
    layers = 1 + max((int(m[1]) for name in shapes if (m := pattern.match(name)) is not None), default=-1)
    try:
        vocabulary, width = shapes[root + names[0]]
        tokens = shapes[root + names[1]][0]
        inner = next(shape[0] for name, shape in shapes.items() if name.startswith(root) and name.endswith(names[2]))
    except (KeyError, StopIteration, ValueError):
        raise ExportError(f"the text encoder {prefix} of the file is of no known structure") from None
    single = prefix == "cond_stage_model.model."
    config = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": inner,
        # diffusers leaves the last layer of SD 2's encoder out, since that is what the UNet was trained to read.
        "num_hidden_layers": layers - 1 if single and layers > 1 else layers,
        "num_attention_heads": max(1, width // _HEAD_WIDTH),
        "max_position_embeddings": tokens,
        "hidden_act": "gelu" if open_clip else "quick_gelu",
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": 0 if open_clip else vocabulary - 1,
    }
    projected = f"{root}text_projection" in shapes and not single
    if projected:
        config["projection_dim"] = shapes[f"{root}text_projection"][1]
    return TextPart(
        class_name="CLIPTextModelWithProjection" if projected else "CLIPTextModel",
        prefix=prefix,
        open_clip=open_clip,
        config=config,
        padding="!" if open_clip else "<|endoftext|>",
    )


def scheduler_config(shapes: Shapes) -> dict[str, Any]:
    """Training noise of all Stable Diffusion models; some files carry empty tensors that say more."""
    return {
        "num_train_timesteps": 1000,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "prediction_type": "v_prediction" if "v_pred" in shapes else "epsilon",
        "rescale_betas_zero_snr": "ztsnr" in shapes,
        "timestep_spacing": "trailing" if "ztsnr" in shapes and "v_pred" in shapes else "leading",
        "steps_offset": 1,
        "set_alpha_to_one": False,
    }
