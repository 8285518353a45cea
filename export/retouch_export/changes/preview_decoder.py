"""A tiny decoder for previews, in the structure of TAESD (AutoencoderTiny of diffusers)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retouch_export.checkpoint import Checkpoint, Part
from retouch_export.networks import describe, model_class
from retouch_export.safetensors_file import TensorInfo, check_safetensors, refuse_pickles
from retouch_models.errors import ExportError


def add_preview_decoder(checkpoint: Checkpoint, file: Path) -> Checkpoint:
    """Return the checkpoint with the decoder of a .safetensors file, named as diffusers or as TAESD's authors do."""
    refuse_pickles(file)
    shapes = {new: info for name, info in check_safetensors(file).items() if (new := _name(name)) is not None}
    config = _config(shapes, file, checkpoint.vae.config.latent_channels)
    outline = describe("AutoencoderTiny", config, file.name)
    part = Part(
        config=outline.config,
        parameters=outline.parameters,
        layers=outline.layers,
        files=(file,),
        load=lambda: _load(config, file),
    )
    return replace(checkpoint, preview=part)


def _name(name: str) -> str | None:
    """Name within diffusers' decoder; the authors' files count its first layer, a clamp, as well."""
    if name.startswith("decoder.layers."):
        return name.removeprefix("decoder.")
    number, _, rest = name.removeprefix("decoder.").partition(".")
    return f"layers.{int(number) - 1}.{rest}" if number.isdecimal() and int(number) > 0 else None


def _config(shapes: dict[str, TensorInfo], file: Path, latents: int) -> dict[str, Any]:
    first = shapes.get("layers.0.weight")
    if first is None or len(first.shape) != 4 or first.shape[1] != latents:
        raise ExportError(
            f"{file.name} holds no tiny decoder for {latents} latent channels; give the weights of a TAESD"
        )
    width = first.shape[0]
    return {
        "latent_channels": latents,
        "decoder_block_out_channels": [width] * 4,
        "encoder_block_out_channels": [8] * 4,
    }


def _load(config: dict[str, Any], file: Path) -> Any:
    from safetensors.torch import load_file

    weights: dict[str, Tensor] = {
        new: tensor.to(torch.float32) for name, tensor in load_file(file).items() if (new := _name(name)) is not None
    }
    network = model_class("AutoencoderTiny").from_config(config)
    try:
        network.decoder.load_state_dict(weights)
    except RuntimeError as error:
        raise ExportError(f"{file.name} is a decoder of another structure; give the weights of a TAESD") from error
    return network.eval().requires_grad_(False)
