"""Reads a folder in the layout of diffusers; safetensors only, nothing of it is executed."""

import json
from pathlib import Path
from typing import Any

import torch

from retouch_export.checkpoint import Checkpoint
from retouch_models.errors import ExportError


def load_folder(folder: Path, name: str | None = None, source: str | None = None) -> Checkpoint:
    """Load a pipeline's parts in fp32; raises ExportError for what is missing or unknown."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    index = _json(folder / "model_index.json")
    parts = [part for part in ("text_encoder", "text_encoder_2") if _has(index, part)]
    text_classes = {"CLIPTextModel": CLIPTextModel, "CLIPTextModelWithProjection": CLIPTextModelWithProjection}
    unknown = [index[part][1] for part in parts if index[part][1] not in text_classes]
    if unknown or not parts:
        raise ExportError(
            f"{folder}: the text encoder is {unknown or 'missing'}; supported are {', '.join(text_classes)}"
        )
    name = folder.resolve().name if name is None else name
    return Checkpoint(
        name=name,
        source=name if source is None else source,
        unet=_load(UNet2DConditionModel, folder, "unet", torch_dtype=torch.float32),
        vae=_load(AutoencoderKL, folder, "vae", torch_dtype=torch.float32),
        text_encoders=tuple(_load(text_classes[index[part][1]], folder, part, dtype=torch.float32) for part in parts),
        tokenizers=tuple(folder / part.replace("text_encoder", "tokenizer") for part in parts),
        scheduler=_json(folder / "scheduler" / "scheduler_config.json"),
    )


def _has(index: dict[str, Any], part: str) -> bool:
    return isinstance(index.get(part), list) and index[part][1] is not None


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(f"{path} is missing; give a folder in the layout of diffusers") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ExportError(f"{path} cannot be read ({error}); fetch the model again") from None
    if not isinstance(data, dict):
        raise ExportError(f"{path} is not a configuration; fetch the model again")
    return data


def _load(kind: Any, folder: Path, part: str, **dtype: torch.dtype) -> Any:
    try:
        model = kind.from_pretrained(folder, subfolder=part, local_files_only=True, use_safetensors=True, **dtype)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ExportError(f"{folder / part} does not load ({str(error).splitlines()[0]})") from error
    return model.eval().requires_grad_(False)
