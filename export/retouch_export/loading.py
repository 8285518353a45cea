"""Fills a network with the tensors of safetensors files, mapped instead of read and in the types of the files."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from retouch_export.upcast import compute_in_fp32
from retouch_models.errors import ExportError

_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Names of the layers of attention in VAEs that early versions of diffusers wrote."""


def stored_tensors(files: Iterable[Path], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield names and tensors of checked files, those whose names start with `prefix`, without it.

    A tensor is a private map of its file: its pages are read when they are used, can be dropped again, and writing to
    it does not change the file.
    """
    from safetensors import safe_open

    for file in files:
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  (no mapping)
                if name.startswith(prefix):
                    yield name.removeprefix(prefix), tensors.get_tensor(name)


Rename = Callable[[str, Tensor], Iterable[tuple[str, Tensor]]]
"""A tensor with its name in the file to one or more with the names of the network."""


def as_named(name: str, tensor: Tensor) -> Iterable[tuple[str, Tensor]]:
    """Take a tensor by its own name, or the new one if it has an old one."""
    return ((_new_name(name), tensor),)


def fill(
    make: Callable[[], nn.Module], tensors: Iterable[tuple[str, Tensor]], where: str, rename: Rename = as_named
) -> nn.Module:
    """Build a network and give it the tensors; ready to be evaluated in fp32.

    Tensors that it does not know are left out; ExportError for weights that are missing or have another shape.
    """
    with torch.device("meta"):
        network = make()
    wanted = dict(network.named_parameters()) | dict(network.named_buffers())
    filled: dict[str, Tensor] = {}
    for name, stored in tensors:
        for own, tensor in rename(name, stored):
            if own not in wanted:
                continue
            filled[own] = tensor[..., 0, 0] if tensor.ndim == 4 and wanted[own].ndim == 2 else tensor
            if filled[own].shape != wanted[own].shape:
                raise ExportError(
                    f"{where}: {name} has the shape {tuple(tensor.shape)}, {tuple(wanted[own].shape)} is needed"
                )
    missing = sorted(name for name, _ in network.named_parameters() if name not in filled)
    if missing:
        raise ExportError(
            f"{where}: {len(missing)} weights are missing ({', '.join(missing[:3])} …); "
            "it is not whole, fetch the model again"
        )
    network.load_state_dict(filled, strict=False, assign=True)
    for module in network.modules():
        _fill_positions(module)
    network.eval().requires_grad_(False)
    compute_in_fp32(network)
    return network


def _new_name(name: str) -> str:
    return re.sub(r"\.(query|key|value|proj_attn)\.(weight|bias)$", lambda m: f".{_OLD_ATTENTION[m[1]]}.{m[2]}", name)


def _fill_positions(module: nn.Module) -> None:
    """Buffers that are not stored: the positions of a text encoder."""
    for name, buffer in module.named_buffers(recurse=False):
        if buffer.is_meta and name == "position_ids":
            module.register_buffer(name, torch.arange(buffer.shape[-1]).expand(buffer.shape), persistent=False)
