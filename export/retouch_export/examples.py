"""Inputs on which a graph is traced and proved: two sizes, batches 1 and 2, several timesteps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from retouch_export.checkpoint import Checkpoint
from retouch_export.rivals import RIVALS, first_tokenizer, framed
from retouch_export.static_shape import Sizes


@dataclass(frozen=True, eq=False)
class Example:
    """One set of inputs by name, and how a report calls it."""

    label: str
    inputs: dict[str, Tensor]


_TIMESTEPS = (999.0, 500.25, 20.0, 0.0)


def examples(checkpoint: Checkpoint, role: str, sizes: Sizes = ()) -> list[Example]:
    """Inputs for the graph of `role`; the first is the one to trace with.

    `sizes` are the only ones of the bundle, each of which is there; without any they vary and are not all square.
    """
    generator = torch.Generator().manual_seed(0)
    if role in checkpoint.text_roles():
        return _text(checkpoint.text_encoders[checkpoint.text_roles().index(role)].config, generator)
    return _MAKERS[role](checkpoint, generator, _sides(checkpoint, sizes))


def native_example(checkpoint: Checkpoint, role: str) -> Example:
    """Inputs of batch 1 at the size the model was trained at."""
    generator = torch.Generator().manual_seed(0)
    cells = checkpoint.facts().native // checkpoint.factor()
    if role in (*checkpoint.text_roles(), "ranker"):
        return examples(checkpoint, role)[-1]
    if role == "unet":
        tokens = checkpoint.text_encoders[0].config.max_position_embeddings
        return _unet_example(checkpoint, generator, 1, (cells, cells), 500.0, tokens)
    side, channels = checkpoint.facts().native, checkpoint.vae.config.latent_channels
    if role == "vae_encoder":
        return Example("native size", {"image": torch.zeros((1, 3, side, side))})
    return Example("native size", {"latents": torch.zeros((1, channels, cells, cells))})


Cells = tuple[int, int]
"""Height and width in latent cells."""


def _sides(checkpoint: Checkpoint, sizes: Sizes) -> list[Cells]:
    """The sizes asked for, or two on the grid, small so that big models are proved in minutes."""
    if sizes:
        factor = checkpoint.factor()
        return [(height // factor, width // factor) for width, height in sizes]
    grid = int(2 ** (len(checkpoint.unet.config.down_block_types) - 1))
    return [(2 * grid, 2 * grid), (2 * grid, 3 * grid)]


def _text(config: Any, generator: Generator) -> list[Example]:
    tokens = config.max_position_embeddings
    # Old configurations say 2 for the end of text and mean the last entry of the vocabulary.
    end = config.eos_token_id if config.eos_token_id > 2 else config.vocab_size - 1
    made = []
    for batch, length in ((2, tokens // 3), (1, tokens - 2)):
        ids = torch.full((batch, tokens), end, dtype=torch.int64)
        ids[:, 0] = end - 1
        ids[:, 1 : 1 + length] = torch.randint(0, end - 1, (batch, length), generator=generator)
        made.append(Example(f"batch {batch}, {length} words", {"input_ids": ids}))
    return made


def _unet(checkpoint: Checkpoint, generator: Generator, sides: list[Cells]) -> list[Example]:
    made, count = [], max(len(_TIMESTEPS), len(sides))
    tokens = checkpoint.text_encoders[0].config.max_position_embeddings
    for i in range(count):
        timestep, cells = _TIMESTEPS[i % len(_TIMESTEPS)], sides[i * len(sides) // count]
        chunks = 2 if i == count - 1 and len(sides) > 1 else 1  # a graph of one size takes text of one length
        made.append(_unet_example(checkpoint, generator, 2 - i % 2, cells, timestep, tokens * chunks))
    return made


def _unet_example(
    checkpoint: Checkpoint, generator: Generator, batch: int, cells: Cells, timestep: float, tokens: int
) -> Example:
    unet = checkpoint.unet.config
    noise = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    inputs = {
        "sample": noise(batch, unet.in_channels, *cells),
        "timestep": torch.tensor([timestep]),
        "encoder_hidden_states": noise(batch, tokens, unet.cross_attention_dim),
    }
    if unet.addition_embed_type == "text_time":
        pooled = checkpoint.text_encoders[-1].config.projection_dim
        sizes = (unet.projection_class_embeddings_input_dim - pooled) // unet.addition_time_embed_dim
        factor = checkpoint.factor()
        ids = torch.tensor([[cells[0] * factor, cells[1] * factor, 0, 0, cells[0] * factor, cells[1] * factor]])
        inputs["text_embeds"] = noise(batch, pooled)
        inputs["time_ids"] = ids[:, :sizes].float().expand(batch, -1).contiguous()
    if unet.time_cond_proj_dim is not None:
        inputs["timestep_cond"] = noise(batch, unet.time_cond_proj_dim)
    label = f"batch {batch}, {cells[1]}x{cells[0]} cells, timestep {timestep:g}, {tokens} tokens"
    return Example(label, inputs)


def _pictures(checkpoint: Checkpoint, generator: Generator, sides: list[Cells]) -> list[Example]:
    factor = checkpoint.factor()
    return [
        Example(
            f"batch {batch}, {w * factor}x{h * factor} pixels",
            {"image": torch.rand((batch, 3, h * factor, w * factor), generator=generator) * 2 - 1},
        )
        for batch, (h, w) in _batches(sides)
    ]


def _batches(sides: list[Cells]) -> list[tuple[int, Cells]]:
    """Each size with a batch of 2 or 1, at least one of both."""
    return [(2 - i % 2, sides[i % len(sides)]) for i in range(max(2, len(sides)))]


def _unscaled(checkpoint: Checkpoint, generator: Generator, sides: list[Cells]) -> list[Example]:
    return _latents(checkpoint, generator, sides, checkpoint.vae.config.scaling_factor)


def _latents(checkpoint: Checkpoint, generator: Generator, sides: list[Cells], scale: float = 1.0) -> list[Example]:
    channels = checkpoint.vae.config.latent_channels
    return [
        Example(
            f"batch {batch}, {w}x{h} cells",
            {"latents": torch.randn((batch, channels, h, w), generator=generator) / scale},
        )
        for batch, (h, w) in _batches(sides)
    ]


def _ranked(checkpoint: Checkpoint, generator: Generator, _sides: list[Cells]) -> list[Example]:
    """Pictures of coarse noise, and as texts the rivals: likeness is then a fair share, and not nearly 0 or 1.

    There an error of CLIP's sharp logits would not be seen.
    """
    if checkpoint.ranker is None:
        return []
    side, tokenizer = checkpoint.ranker.config.vision_config.image_size, first_tokenizer(checkpoint)
    long = ", ".join(RIVALS) + " "
    made = []
    for label, texts in (
        ("a short and a long text", (RIVALS[0], long)),
        (f"{len(RIVALS)} texts", RIVALS),
        ("a text that is cut", (long * tokenizer.capacity,)),
    ):
        coarse = torch.rand((len(texts), 3, 7, 7), generator=generator)
        image = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")
        made.append(Example(label, {"image": image, "input_ids": framed(tokenizer, texts)}))
    return made


_MAKERS: dict[str, Callable[[Checkpoint, Generator, list[Cells]], list[Example]]] = {
    "unet": _unet,
    "vae_encoder": _pictures,
    "vae_decoder": _unscaled,
    "preview_decoder": _latents,
    "ranker": _ranked,
}
