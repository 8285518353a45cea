"""Writes a checkpoint in the layout of diffusers as one file with the names of the original code.

The names are found by trying: every original name that such a network can have is renamed by diffusers' own
converter, which is the independent witness here.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

UNET, VAE = "model.diffusion_model.", "first_stage_model."


def original_unet(weights: Mapping[str, Tensor], levels: int, layers: int, attends: list[bool]) -> dict[str, Tensor]:
    """Rename a UNet of diffusers to the original names, block by block."""
    stage = layers + 1
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        found[UNET + _unet_name(name, levels, stage, attends)] = tensor
    return found


def _unet_name(name: str, levels: int, stage: int, attends: list[bool]) -> str:
    parts = name.split(".")
    top = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "time_embedding.cond_proj": "time_embed.cond_proj",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    for new, old in top.items():
        if name.startswith(f"{new}."):
            return old + name[len(new) :]
    if parts[0] == "mid_block":
        place = {"resnets0": 0, "attentions0": 1, "resnets1": 2}[parts[1] + parts[2]]
        return f"middle_block.{place}.{_inside(parts[3:])}"
    level = int(parts[1])
    layer = int(parts[3])
    if parts[0] == "down_blocks":
        if parts[2] == "downsamplers":
            return f"input_blocks.{stage * (level + 1)}.0.op.{parts[-1]}"
        return f"input_blocks.{1 + stage * level + layer}.{int(parts[2] == 'attentions')}.{_inside(parts[4:])}"
    if parts[2] == "upsamplers":
        place = 2 if attends[levels - 1 - level] else 1
        return f"output_blocks.{stage * (level + 1) - 1}.{place}.conv.{parts[-1]}"
    return f"output_blocks.{stage * level + layer}.{int(parts[2] == 'attentions')}.{_inside(parts[4:])}"


def _inside(parts: list[str]) -> str:
    names = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }
    return ".".join([names.get(parts[0], parts[0]) if len(parts) == 2 else parts[0], *parts[1:]])


def original_vae(weights: Mapping[str, Tensor], levels: int) -> dict[str, Tensor]:
    """Rename a VAE of diffusers to the original names."""
    found = {}
    for name, tensor in weights.items():
        parts = name.split(".")
        if parts[0] in ("quant_conv", "post_quant_conv"):
            found[VAE + name] = tensor
            continue
        side, rest = parts[0], parts[1:]
        if rest[0] in ("down_blocks", "up_blocks"):
            way = rest[0].partition("_")[0]
            level = int(rest[1]) if way == "down" else levels - 1 - int(rest[1])
            kind = {"resnets": f"block.{rest[3]}", "downsamplers": "downsample", "upsamplers": "upsample"}[rest[2]]
            new = f"{way}.{level}.{kind}.{'.'.join(rest[4:]).replace('conv_shortcut', 'nin_shortcut')}"
        elif rest[0] == "mid_block" and rest[1] == "resnets":
            new = f"mid.block_{int(rest[2]) + 1}.{'.'.join(rest[3:])}"
        elif rest[0] == "mid_block":
            names = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}
            new = f"mid.attn_1.{names[rest[3]]}.{rest[-1]}"
            tensor = tensor[:, :, None, None] if tensor.ndim == 2 else tensor
        else:
            new = ".".join(rest).replace("conv_norm_out", "norm_out")
        found[f"{VAE}{side}.{new}"] = tensor
    return found


def original_clip(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """CLIP's names are those of transformers."""
    return {prefix + name: tensor for name, tensor in weights.items()}


def original_open_clip(weights: Mapping[str, Tensor], prefix: str, layers: int) -> dict[str, Tensor]:
    """OpenCLIP's names, with queries, keys and values in one matrix."""
    own = {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}
    found = {
        "token_embedding.weight": own["embeddings.token_embedding.weight"],
        "positional_embedding": own["embeddings.position_embedding.weight"],
        "ln_final.weight": own["final_layer_norm.weight"],
        "ln_final.bias": own["final_layer_norm.bias"],
    }
    if "text_projection.weight" in own:
        found["text_projection"] = own["text_projection.weight"].t().contiguous()
    for layer in range(layers):
        old, new = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for kind in ("weight", "bias"):
            joined = [own[f"{old}self_attn.{place}_proj.{kind}"] for place in "qkv"]
            found[f"{new}attn.in_proj_{kind}"] = torch.cat(joined)
            for there, here in (
                ("self_attn.out_proj", "attn.out_proj"),
                ("layer_norm1", "ln_1"),
                ("layer_norm2", "ln_2"),
                ("mlp.fc1", "mlp.c_fc"),
                ("mlp.fc2", "mlp.c_proj"),
            ):
                found[f"{new}{here}.{kind}"] = own[f"{old}{there}.{kind}"]
    return {prefix + name: tensor for name, tensor in found.items()}


def write_single_file(model: Path, path: Path, *, linear: bool, two_texts: bool, attends: list[bool]) -> Path:
    """Write the checkpoint in `model` to one file."""
    levels = len(attends)
    tensors = original_unet(load_file(model / "unet/diffusion_pytorch_model.safetensors"), levels, 1, attends)
    tensors |= original_vae(load_file(model / "vae/diffusion_pytorch_model.safetensors"), 4)
    text = load_file(model / "text_encoder/model.safetensors")
    if two_texts:
        second = load_file(model / "text_encoder_2/model.safetensors")
        tensors |= original_clip(text, "conditioner.embedders.0.transformer.")
        tensors |= original_open_clip(second, "conditioner.embedders.1.model.", 2)
    elif linear:
        # The original has one layer more, which Stable Diffusion 2 does not read.
        last = {n.replace("layers.1.", "layers.2."): torch.zeros_like(t) for n, t in text.items() if "layers.1." in n}
        tensors |= original_open_clip({**text, **last}, "cond_stage_model.model.", 3)
    else:
        tensors |= original_clip(text, "cond_stage_model.transformer.")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path
