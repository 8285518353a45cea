"""A CLIP model, as transformers stores it, that says how like its prompt a picture is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retouch_export.checkpoint import Checkpoint, Part
from retouch_export.clip_ranker import ClipRanker
from retouch_export.loading import fill, stored_tensors
from retouch_export.networks import build, describe, read_json
from retouch_export.rivals import RIVALS, STAND_IN, first_tokenizer, framed
from retouch_export.safetensors_file import check_safetensors, refuse_pickles
from retouch_models.errors import ExportError

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue in CLIP's training pictures, 0..1: `_transform` in clip/clip.py of github.com/openai/CLIP."""

_PIXELS = "preprocessor_config.json"
_CURE = "give a folder with config.json and model.safetensors, as transformers saves a CLIPModel"


def add_ranker(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    """Return the checkpoint with the CLIP model of a folder; ExportError if it is none, or reads other words."""
    config = _config(folder)
    files = _weights(folder)
    outline = describe("CLIPModel", config, str(folder))
    _check_words(checkpoint, outline.config.text_config, folder)
    pixels = folder / _PIXELS
    mean, deviation = _normalisation(pixels)

    def load() -> nn.Module:
        tokenizer = first_tokenizer(checkpoint)
        return ClipRanker(
            fill(lambda: build("CLIPModel", config), stored_tensors(files), str(folder)),
            mean=mean,
            deviation=deviation,
            rival_ids=framed(tokenizer, RIVALS),
            end=tokenizer.spec.eos,
            stand_in=tokenizer.tokens(STAND_IN)[0],
        )

    part = Part(
        config=outline.config,
        parameters=outline.parameters,
        layers=outline.layers,
        files=(*files, *([pixels] if pixels.is_file() else [])),
        load=load,
    )
    return replace(checkpoint, ranker=part)


def _config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        refuse_pickles(folder)
    if not (folder / "config.json").is_file():
        raise ExportError(f"{folder} holds no CLIP model; {_CURE}")
    config = read_json(folder / "config.json")
    kind = config.get("model_type")
    if kind != "clip":
        raise ExportError(f"{folder} holds no CLIP model (config.json says {kind!r}); {_CURE}")
    return config


def _weights(folder: Path) -> tuple[Path, ...]:
    """The weights in one file or in numbered ones; other files are the same model for other programs."""
    files = [folder / "model.safetensors"]
    if not files[0].is_file():
        files = sorted(folder.glob("model-*-of-*.safetensors"))
    if not files:
        refuse_pickles(folder)
        raise ExportError(f"{folder} has no model.safetensors; fetch the model again")
    for file in files:
        check_safetensors(file)
    return tuple(files)


def _check_words(checkpoint: Checkpoint, text: Any, folder: Path) -> None:
    """Refuse a CLIP that does not know the ids that the checkpoint's first tokenizer gives."""
    vocabulary = read_json(checkpoint.tokenizers[0] / "vocab.json")
    tokens = checkpoint.text_encoders[0].config.max_position_embeddings
    own = folder / "vocab.json"
    if text.vocab_size != len(vocabulary) or tokens > text.max_position_embeddings:
        raise ExportError(
            f"{folder} reads {text.max_position_embeddings} tokens of {text.vocab_size} kinds, and {checkpoint.name} "
            f"writes {tokens} of {len(vocabulary)}; CLIP models of 49408 kinds go with Stable Diffusion 1, 2 and XL"
        )
    if own.is_file() and read_json(own) != vocabulary:
        raise ExportError(
            f"{folder} has another vocabulary than {checkpoint.name}; give a CLIP model that was trained with the "
            "vocabulary of OpenAI's"
        )


def _normalisation(pixels: Path) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the training pictures, (3,) each; CLIP's own where the folder does not say."""
    said = read_json(pixels) if pixels.is_file() else {}
    mean, deviation = said.get("image_mean", MEAN), said.get("image_std", DEVIATION)
    try:
        found = torch.tensor(mean, dtype=torch.float32), torch.tensor(deviation, dtype=torch.float32)
    except (TypeError, ValueError):
        found = torch.empty(0), torch.empty(0)
    if any(tensor.shape != (3,) for tensor in found) or not (found[1] > 0).all():
        raise ExportError(f"{pixels}: image_mean and image_std are not three numbers each; fetch the model again")
    return found
