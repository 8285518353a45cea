"""Another VAE in place of the checkpoint's."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from retouch_export.checkpoint import Checkpoint
from retouch_export.safetensors_file import check_safetensors, refuse_pickles
from retouch_export.sources.ldm_weights import vae_rename
from retouch_models.errors import ExportError


def replace_vae(checkpoint: Checkpoint, file: Path) -> Checkpoint:
    """Return the checkpoint with the VAE of a .safetensors file, in diffusers' names or the original ones."""
    refuse_pickles(file)
    names = check_safetensors(file)
    if not any("decoder." in name for name in names):
        raise ExportError(f"{file} holds no VAE; give the weights of an AutoencoderKL")
    note = replace(checkpoint, source=f"{checkpoint.source} with the VAE {file.name}")
    return replace(note, vae=checkpoint.vae.then(lambda network: _fill(network, file), file))


def _fill(network: nn.Module, file: Path) -> None:
    from safetensors.torch import load_file

    own = _renamed(load_file(file))
    wanted = network.state_dict()
    missing = sorted(wanted.keys() - own.keys())
    wrong = [name for name in wanted.keys() & own.keys() if own[name].shape != wanted[name].shape]
    if missing or wrong:
        what = f"lacks {missing[0]}" if missing else f"has another shape of {min(wrong)}"
        raise ExportError(f"{file.name} is a VAE of another structure: it {what}; choose one made for this family")
    network.load_state_dict({name: own[name].to(torch.float32) for name in wanted}, assign=True)
    network.requires_grad_(False)


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under diffusers' names."""
    prefix = "first_stage_model." if any(name.startswith("first_stage_model.") for name in tensors) else ""
    if not any(".up." in name or ".down." in name for name in tensors):
        return dict(tensors)
    rename = vae_rename({name: tuple(t.shape) for name, t in tensors.items()}, prefix)
    found = {}
    for name, tensor in tensors.items():
        for new, value in rename(name.removeprefix(prefix), tensor):
            attention = ".attentions." in new and value.ndim == 4
            found[new] = value[..., 0, 0] if attention else value
    return found
