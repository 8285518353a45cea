"""Reads a single-file .safetensors checkpoint with the names of the original code, without the network.

Such a file holds weights and nothing else. The configuration is read off the shapes of its tensors; what shapes do
not say (training noise, heads of attention) is the same in all models of a family.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retouch_export.checkpoint import Checkpoint, Part
from retouch_export.clip_vocabulary import write_vocabulary
from retouch_export.networks import build, describe, first_line
from retouch_export.safetensors_file import TensorInfo, check_safetensors
from retouch_export.sources.ldm_configs import scheduler_config, text_configs, unet_config, vae_config
from retouch_export.sources.ldm_weights import Rename, text_renames, unet_rename, vae_rename
from retouch_models.errors import ExportError

UNET, VAE = "model.diffusion_model.", "first_stage_model."

Shapes = Mapping[str, tuple[int, ...]]


@contextmanager
def single_file(path: Path) -> Iterator[Checkpoint]:
    """Describe the checkpoint in `path`; raises ExportError if it is damaged, incomplete or of no known family."""
    tensors = check_safetensors(path)
    shapes = {name: info.shape for name, info in tensors.items()}
    if f"{UNET}input_blocks.0.0.weight" not in shapes or not any(name.startswith(VAE) for name in shapes):
        raise ExportError(
            f"{path} holds no whole Stable Diffusion checkpoint (UNet, VAE and text encoder with the original names); "
            "give a full checkpoint, a LoRA belongs to --lora and a VAE to --vae"
        )
    texts = text_configs(shapes)
    with tempfile.TemporaryDirectory(prefix="retouch-vocabulary-") as folder:
        yield Checkpoint(
            name=path.stem,
            source=path.name,
            unet=_part(path, "UNet2DConditionModel", unet_config(shapes), UNET, unet_rename(shapes), tensors),
            vae=_part(path, "AutoencoderKL", vae_config(shapes), VAE, vae_rename(shapes), tensors),
            text_encoders=tuple(
                _part(path, text.class_name, text.config, text.prefix, rename, tensors)
                for text, rename in zip(texts, text_renames(texts), strict=True)
            ),
            tokenizers=tuple(
                write_vocabulary(Path(folder) / str(i), text.config["vocab_size"], text.padding)
                for i, text in enumerate(texts)
            ),
            scheduler=scheduler_config(shapes),
            zero_empty_negative=len(texts) == 2,
        )


def _part(
    path: Path,
    class_name: str,
    config: dict[str, Any],
    prefix: str,
    rename: Rename,
    tensors: Mapping[str, TensorInfo],
) -> Part:
    outline = describe(class_name, config, path.name)
    own = [name for name in tensors if name.startswith(prefix)]
    return Part(
        config=outline.config,
        parameters=outline.parameters,
        layers=outline.layers,
        files=(path,),
        load=lambda: _load(path, lambda: build(class_name, config), own, prefix, rename),
    )


def _load(path: Path, make: Callable[[], nn.Module], names: list[str], prefix: str, rename: Rename) -> nn.Module:
    """Fill a network tensor by tensor; every one of its weights must be in the file with its shape."""
    from safetensors import safe_open

    with torch.device("meta"):
        network = make()
    wanted = dict(network.named_parameters()) | dict(network.named_buffers())
    filled: dict[str, Tensor] = {}
    with safe_open(path, framework="pt") as file:
        for name in names:
            for own, tensor in rename(name.removeprefix(prefix), file.get_tensor(name)):
                if own not in wanted:
                    continue
                if tensor.ndim == 4 and wanted[own].ndim == 2:
                    tensor = tensor[..., 0, 0]
                if tensor.shape != wanted[own].shape:
                    raise ExportError(
                        f"{path.name}: {name} has the shape {tuple(tensor.shape)}, {tuple(wanted[own].shape)} is needed"
                    )
                filled[own] = tensor.to(torch.float32)
    missing = sorted(name for name, _ in network.named_parameters() if name not in filled)
    if missing:
        raise ExportError(
            f"{path.name}: {len(missing)} weights are missing ({', '.join(missing[:3])} …); it is no full checkpoint"
        )
    try:
        network.load_state_dict(filled, strict=False, assign=True)
    except RuntimeError as error:
        raise ExportError(f"{path.name} does not load ({first_line(error)})") from error
    for module in network.modules():
        _fill_positions(module)
    return network.eval().requires_grad_(False)


def _fill_positions(module: nn.Module) -> None:
    """Buffers that are not stored: the positions of a text encoder."""
    for name, buffer in module.named_buffers(recurse=False):
        if buffer.is_meta and name == "position_ids":
            module.register_buffer(name, torch.arange(buffer.shape[-1]).expand(buffer.shape), persistent=False)
