"""Adds a textual inversion: a word whose meaning is given by vectors, in the tokenizer and the text encoders.

Gal et al. 2022 (arXiv:2208.01618).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from retouch_export.checkpoint import Checkpoint, Part
from retouch_export.safetensors_file import check_safetensors, refuse_pickles
from retouch_models.errors import ExportError

_NAMES = {"text_encoder": ("emb_params", "clip_l"), "text_encoder_2": ("clip_g",)}
"""Names of the tensors for each text encoder; diffusers puts the word itself instead."""


def add_embedding(checkpoint: Checkpoint, file: Path) -> Checkpoint:
    """Return the checkpoint with one more word, named like the file; ExportError if it does not fit."""
    refuse_pickles(file)
    check_safetensors(file)
    vectors = _vectors(checkpoint, file)
    word = file.stem
    if word in checkpoint.words or not word.strip() or any(c.isspace() for c in word):
        raise ExportError(f"{file}: {word!r} cannot be a new word; rename the file to one word that is not used yet")
    texts: list[Part] = []
    ids: list[tuple[int, ...]] = []
    for role, part in zip(checkpoint.text_roles(), checkpoint.text_encoders, strict=True):
        rows = vectors[role]
        first = part.config.vocab_size + sum(len(own[len(ids)]) for own in checkpoint.words.values())
        ids.append(tuple(range(first, first + len(rows))))
        texts.append(part.then(_adder(rows), file))
    return replace(
        checkpoint,
        source=f"{checkpoint.source} with the word {word}",
        text_encoders=tuple(texts),
        words={**checkpoint.words, word: tuple(ids)},
    )


def _vectors(checkpoint: Checkpoint, file: Path) -> Mapping[str, Tensor]:
    """Vectors by text encoder, each (n, D)."""
    from safetensors.torch import load_file

    tensors = load_file(file)
    found = {}
    for role, part in zip(checkpoint.text_roles(), checkpoint.text_encoders, strict=True):
        named = [tensors[name] for name in _NAMES[role] if name in tensors]
        if not named and len(tensors) == 1 and len(checkpoint.text_encoders) == 1:
            named = list(tensors.values())
        width = part.config.hidden_size
        if not named or named[0].shape[-1] != width or named[0].ndim > 2:
            shapes = ", ".join(f"{name} {tuple(t.shape)}" for name, t in tensors.items())
            raise ExportError(
                f"{file.name} is for another family: the {role} of this model needs vectors of {width} numbers, "
                f"the file has {shapes}"
            )
        found[role] = named[0].to(torch.float32).reshape(-1, width)
    return found


def _adder(rows: Tensor) -> Callable[[nn.Module], None]:
    def add(module: nn.Module) -> None:
        text = module.text_model
        table = text.embeddings.token_embedding
        if text.eos_token_id == 2:
            # The largest id marks the end for old configurations; it must not be the new word.
            text.eos_token_id = module.config.vocab_size - 1
        longer = nn.Embedding(table.num_embeddings + len(rows), table.embedding_dim)
        with torch.no_grad():
            longer.weight.copy_(torch.cat([table.weight, rows]))
        text.embeddings.token_embedding = longer.requires_grad_(False)

    return add
