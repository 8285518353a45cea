"""Merges LoRAs into the UNet and the text encoders: W' = W + weight * alpha / rank * up @ down.

Hu et al. 2021 (arXiv:2106.09685), eq. 3; for convolutions (LoCon, Yeh et al. 2023, arXiv:2309.14859) in two factors or,
with a small kernel between them, in three. Files of kohya's trainers and of diffusers and peft name layers differently.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from retouch_export.changes.lora_names import layer_names, other_kind, read_key
from retouch_export.checkpoint import Checkpoint
from retouch_export.safetensors_file import check_safetensors, refuse_pickles
from retouch_models.errors import ExportError, UsageError

_LARGEST_WEIGHT = 10.0


@dataclass(frozen=True)
class Lora:
    """A file and how much of it is merged."""

    file: Path
    weight: float


def parse(text: str) -> Lora:
    """Read FILE:WEIGHT; the weight may be left out and is 1 then."""
    match = re.fullmatch(r"([^:].*?)(?::([-+]?[0-9.]+))?", text)
    if match is None or not match[1]:
        raise UsageError(f"--lora {text}: give FILE or FILE:WEIGHT")
    try:
        weight = 1.0 if match[2] is None else float(match[2])
    except ValueError:
        raise UsageError(f"--lora {text}: {match[2]} is no number") from None
    if not -_LARGEST_WEIGHT <= weight <= _LARGEST_WEIGHT:
        raise UsageError(f"--lora {text}: the weight must be between -10 and 10")
    return Lora(Path(match[1]).expanduser(), weight)


def merge_loras(checkpoint: Checkpoint, texts: Sequence[str]) -> Checkpoint:
    """Return the checkpoint with all LoRAs merged when its parts are loaded; ExportError if one does not fit."""
    for text in texts:
        checkpoint = _merge(checkpoint, parse(text))
    return checkpoint


@dataclass(frozen=True, eq=False)
class _Layer:
    """The tensors of one layer."""

    down: Tensor
    up: Tensor
    mid: Tensor | None
    """(rank, rank, kernel, kernel), where a convolution is in three factors."""
    alpha: float | None

    def delta(self) -> Tensor:
        """The change of the layer's weight, flattened to a matrix, at weight 1."""
        rank = self.down.shape[0]
        scale = 1.0 if self.alpha is None else self.alpha / rank
        down, up = self.down.float().flatten(1), self.up.float().flatten(1)
        if self.mid is None:
            return scale * (up @ down)
        return scale * torch.einsum("or,rskl,si->oikl", up, self.mid.float(), down).flatten(1)


def _merge(checkpoint: Checkpoint, lora: Lora) -> Checkpoint:
    refuse_pickles(lora.file)
    names = list(check_safetensors(lora.file))
    kind = other_kind(names)
    if kind is not None:
        raise ExportError(f"{lora.file.name} is a {kind}, which cannot be merged; plain LoRA and LoCon can")
    networks = {"unet": checkpoint.unet} | dict(zip(checkpoint.text_roles(), checkpoint.text_encoders, strict=True))
    known = {network: layer_names(network, part.config, part.layers) for network, part in networks.items()}
    found: dict[str, set[str]] = {network: set() for network in networks}
    for name in names:
        place = read_key(name, known)
        if place is not None:
            found[place.network].add(place.layer)
    strange = [name for name in names if read_key(name, known) is None]
    if strange or not any(found.values()):
        first = strange[0] if strange else "no layer"
        raise ExportError(
            f"{lora.file.name} does not fit this model ({len(strange)} of {len(names)} tensors have no place, such as "
            f"{first}); it is for another family, or no plain LoRA"
        )
    changed = {
        network: part.then(_merger(lora, network, known), lora.file) if found[network] else part
        for network, part in networks.items()
    }
    return replace(
        checkpoint,
        source=f"{checkpoint.source} with {lora.file.name}:{lora.weight:g}",
        unet=changed["unet"],
        text_encoders=tuple(changed[role] for role in checkpoint.text_roles()),
    )


def _merger(lora: Lora, network: str, known: Mapping[str, Mapping[str, str]]) -> Callable[[nn.Module], None]:
    def merge(module: nn.Module) -> None:
        layers = dict(module.named_modules())
        for layer, tensors in _read(lora.file, network, known).items():
            weight = layers[layer].weight
            delta = tensors.delta()
            if delta.numel() != weight.numel() or delta.shape[0] != weight.shape[0]:
                raise ExportError(
                    f"{lora.file.name}: {layer} has the shape {tuple(delta.shape)}, "
                    f"the model's is {tuple(weight.shape)}; it is for another family"
                )
            # In fp32 whatever the file's type: the sum is not rounded to it.
            merged = weight.detach().to(torch.float32) + lora.weight * delta.reshape(weight.shape)
            layers[layer].weight = nn.Parameter(merged, requires_grad=False)

    return merge


def _read(file: Path, network: str, known: Mapping[str, Mapping[str, str]]) -> dict[str, _Layer]:
    """Layers of one network; raises ExportError if half of one is missing."""
    from safetensors import safe_open

    parts: dict[str, dict[str, Tensor]] = {}
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118  (no mapping)
            place = read_key(name, known)
            if place is not None and place.network == network:
                parts.setdefault(place.layer, {})[place.what] = tensors.get_tensor(name)
    try:
        return {
            layer: _Layer(own["down"], own["up"], own.get("mid"), float(own["alpha"]) if "alpha" in own else None)
            for layer, own in parts.items()
        }
    except KeyError as error:
        raise ExportError(f"{file.name} lacks the {error} half of a layer; fetch it again") from None
