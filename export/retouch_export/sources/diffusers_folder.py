"""Reads a folder in the layout of diffusers; safetensors only, nothing of it is executed."""

import re
from pathlib import Path
from typing import Any

from retouch_export.checkpoint import Checkpoint, Part
from retouch_export.networks import TEXT_CLASSES, describe, load_weights, read_json, weight_files
from retouch_export.safetensors_file import check_safetensors
from retouch_models.errors import ExportError


def load_folder(folder: Path, name: str | None = None, source: str | None = None) -> Checkpoint:
    """Describe the pipeline in `folder`; raises ExportError for what is missing, damaged or unknown."""
    index = read_json(folder / "model_index.json")
    parts = [part for part in ("text_encoder", "text_encoder_2") if _has(index, part)]
    unknown = [index[part][1] for part in parts if index[part][1] not in TEXT_CLASSES]
    if unknown or not parts or not _has(index, "unet"):
        what = f"the text encoder is {unknown[0]}" if unknown else "it has no UNet or no text encoder"
        raise ExportError(f"{folder} is no Stable Diffusion pipeline that can be exported: {what}")
    name = folder.resolve().name if name is None else name
    return Checkpoint(
        name=name,
        source=name if source is None else source,
        unet=_part(folder / "unet", "UNet2DConditionModel"),
        vae=_part(folder / "vae", "AutoencoderKL"),
        text_encoders=tuple(_part(folder / part, index[part][1]) for part in parts),
        tokenizers=tuple(folder / part.replace("text_encoder", "tokenizer") for part in parts),
        scheduler=read_json(folder / "scheduler" / "scheduler_config.json"),
        licence=_licence(folder),
        zero_empty_negative=len(parts) == 2 and index.get("force_zeros_for_empty_prompt", True) is True,
    )


def _part(folder: Path, class_name: str) -> Part:
    """Check a part's files and read its configuration; the weights wait."""
    files = weight_files(folder)
    for file in files:
        check_safetensors(file)
    outline = describe(class_name, read_json(folder / "config.json"), str(folder))
    return Part(
        config=outline.config,
        parameters=outline.parameters,
        layers=outline.layers,
        files=tuple(files),
        load=lambda: load_weights(class_name, folder),
    )


def _has(index: dict[str, Any], part: str) -> bool:
    return isinstance(index.get(part), list) and index[part][1] is not None


def _licence(folder: Path) -> str:
    """The licence that the front matter of the model card names."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    found = re.search(r"^license:[ \t]*(\S+)", card, re.MULTILINE)
    return "unknown" if found is None else found[1]
