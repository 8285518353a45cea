"""Weights in 8 bits, in files of limited size: a checkpoint that travels where little can be carried.

Each output channel has a scale of its own, as in bundles of precision int8. Training goes on from it as well: the
error is far below what one step of the optimiser changes.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

LARGEST_FILE = 15 * 1024 * 1024


def pack(parts: Mapping[str, Mapping[str, Tensor]], folder: Path) -> list[Path]:
    """Write networks, by the names of a diffusers folder, as packed-N.safetensors; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("packed-*.safetensors"):
        old.unlink()
    files: list[dict[str, Tensor]] = [{}]
    room = LARGEST_FILE
    for part, weights in parts.items():
        for name, value in weights.items():
            entries = _entries(f"{part}/{name}", value.detach().float().cpu())
            size = sum(entry.numel() * entry.element_size() for entry in entries.values())
            if size > room and files[-1]:
                files.append({})
                room = LARGEST_FILE
            files[-1].update(entries)
            room -= size
    paths = [folder / f"packed-{number}.safetensors" for number in range(1, len(files) + 1)]
    for path, entries in zip(paths, files, strict=True):
        save_file(entries, path)
    return paths


def unpack(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Read what `pack` wrote; ValueError if there is nothing."""
    paths = sorted(folder.glob("packed-*.safetensors"))
    if not paths:
        raise ValueError(f"{folder} holds no packed-*.safetensors")
    stored = {name: value for path in paths for name, value in load_file(path).items()}
    found: dict[str, dict[str, Tensor]] = {}
    for key, value in stored.items():
        if key.endswith("#scale"):
            continue
        part, name = key.removesuffix("#i8").split("/", 1)
        wide = value.float() * stored[key.removesuffix("#i8") + "#scale"] if key.endswith("#i8") else value.float()
        found.setdefault(part, {})[name] = wide
    return found


def _entries(name: str, value: Tensor) -> dict[str, Tensor]:
    """A matrix or kernel as integers and scales, anything else in half precision."""
    if value.ndim < 2:
        return {name: value.half()}
    largest = value.abs().amax(dim=tuple(range(1, value.ndim)), keepdim=True)
    scale = torch.where(largest > 0, largest / 127, torch.ones_like(largest))
    return {f"{name}#i8": torch.round(value / scale).to(torch.int8).contiguous(), f"{name}#scale": scale.contiguous()}
