"""Renames the tensors of a single-file checkpoint as they are read."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from retouch_export.ldm_names import attention_blocks, open_clip_name, stage_of, unet_name, vae_name
from retouch_export.loading import Rename
from retouch_export.sources.ldm_configs import TextPart, vae_levels

_UNET = "model.diffusion_model."


def unet_rename(shapes: Mapping[str, tuple[int, ...]]) -> Rename:
    """Rename the UNet's."""
    own = [name.removeprefix(_UNET) for name in shapes if name.startswith(_UNET)]
    stage, attends = stage_of(own), attention_blocks(own)
    attends = frozenset(attends)

    def rename(name: str, tensor: Tensor) -> Iterable[tuple[str, Tensor]]:
        new = unet_name(name, stage, attends)
        return () if new is None else ((new, tensor),)

    return rename


def vae_rename(shapes: Mapping[str, tuple[int, ...]], prefix: str = "first_stage_model.") -> Rename:
    """Rename the VAE's."""
    levels = vae_levels(shapes, prefix)

    def rename(name: str, tensor: Tensor) -> Iterable[tuple[str, Tensor]]:
        new = vae_name(name, levels)
        return () if new is None else ((new, tensor),)

    return rename


def text_renames(texts: Sequence[TextPart]) -> list[Rename]:
    """Rename those of each text encoder."""
    return [_open_clip if text.open_clip else _clip for text in texts]


def _clip(name: str, tensor: Tensor) -> Iterable[tuple[str, Tensor]]:
    """transformers' own names; some files leave out the first level."""
    yield (name if name.startswith("text_model.") else f"text_model.{name}"), tensor


def _open_clip(name: str, tensor: Tensor) -> Iterable[tuple[str, Tensor]]:
    """OpenCLIP's: queries, keys and values lie in one matrix, and the projection lies the other way round."""
    if name == "text_projection":
        yield "text_projection.weight", tensor.t().contiguous()
        return
    new = open_clip_name(name)
    if ".in_proj_" not in new:
        yield new, tensor
        return
    stem, _, kind = new.rpartition("in_proj_")
    for place, piece in zip(("q_proj", "k_proj", "v_proj"), torch.chunk(tensor, 3), strict=True):
        yield f"{stem}{place}.{kind}", piece
