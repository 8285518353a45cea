"""From prompts to what the UNet takes: hidden states of the text, and the further inputs of SDXL and LCM models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retouch.errors import UnknownName
from retouch.geometry import Size
from retouch.prompt.chunks import Chunk, ChunkIds, cut, frame, split
from retouch.prompt.grammar import Syntax, parse
from retouch.prompt.pieces import Prompt
from retouch.tokenizer import Tokenizer

Hidden = NDArray[np.float32]
"""Hidden states of one chunk, (tokens, D)."""

TokenWeights = NDArray[np.float32]
"""Weights of the tokens of one chunk, (tokens,)."""

Emphasis = Callable[[Hidden, TokenWeights], Hidden]

_SHOWN = 200
"""Characters of text named in a note."""


class TextEncoding(NamedTuple):
    """What a text encoder gives for n chunks."""

    hidden: NDArray[np.float32]
    """(n, tokens, D)."""
    pooled: NDArray[np.float32] | None = None
    """(n, P), for encoders that have it."""


TextEncoder = Callable[[ChunkIds], TextEncoding]
"""Encodes framed token ids, (n, tokens) int64."""


@dataclass(frozen=True, eq=False)
class TextModel:
    """A text encoder with the tokenizer it was trained with."""

    tokenizer: Tokenizer
    encode: TextEncoder


@dataclass(frozen=True, kw_only=True)
class PromptOptions:
    """How prompts are read and encoded."""

    syntax: Syntax = "weighted"
    emphasis: str = "original"
    """How weights act: `original` keeps the mean of each chunk, `no_norm` does not (often better with SDXL)."""
    chunk: bool = True
    """Whether long prompts go on in further chunks. A graph that takes text of one length needs False."""
    zero_empty_negative: bool = False
    """Whether empty undesired content is zeros and not the encoding of no words, as SDXL was trained."""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What steers the UNet: [negative, positive], or the positive alone at guidance 1."""

    context: NDArray[np.float32]
    """Hidden states, (B, T, D); T is the tokens of all chunks."""
    extra: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    """Further inputs by their names in the graph, each (B, n)."""
    notes: tuple[str, ...] = ()
    """What the user should know, such as words that were cut; a sentence each."""


def encode_prompt(
    prompt: str,
    negative: str,
    *,
    guidance: float,
    models: Sequence[TextModel],
    options: PromptOptions | None = None,
) -> Conditioning:
    """Encode a prompt and its undesired content; PromptError if one of them cannot be read.

    Hidden states of several encoders are joined along D, the pooled text is the last encoder's for the first chunk.
    """
    options = PromptOptions() if options is None else options
    emphasise = _emphasis(options.emphasis)
    pair = [("prompt", prompt)] if guidance == 1 else [("undesired content", negative), ("prompt", prompt)]
    read = [(what, parse(text, options.syntax, what)) for what, text in pair]
    chunks, notes = _chunks(read, models, options)
    if guidance == 1 and negative.strip():
        notes.append("undesired content has no effect at guidance 1")
    count = max(len(one) for per_model in chunks for one in per_model)
    encoded = [_encode(model, own, count, emphasise) for model, own in zip(models, chunks, strict=True)]
    context = np.concatenate([hidden for hidden, _ in encoded], axis=2)
    pooled = encoded[-1].pooled
    extra = {} if pooled is None else {"text_embeds": pooled}
    if options.zero_empty_negative and guidance != 1 and not negative.strip():
        context, extra = _without_first(context), {name: _without_first(values) for name, values in extra.items()}
    return Conditioning(context, extra, tuple(dict.fromkeys(notes)))


def add_time_ids(conditioning: Conditioning, *, original: Size, crop: tuple[int, int], target: Size) -> Conditioning:
    """Add SDXL's `time_ids`, (B, 6): original height and width, top and left of the crop, target height and width.

    `crop` is (left, top) in pixels of the original. Podell et al. 2023 (arXiv:2307.01952), section 2.2.
    """
    left, top = crop
    ids = [original.height, original.width, top, left, target.height, target.width]
    return _with_extra(conditioning, "time_ids", np.array([ids], np.float32))


def add_guidance_embedding(conditioning: Conditioning, guidance: float, width: int) -> Conditioning:
    """Add `timestep_cond`, (B, width), for models that were distilled with the guidance as an input."""
    return _with_extra(conditioning, "timestep_cond", guidance_embedding(guidance, width))


def guidance_embedding(guidance: float, width: int = 256) -> NDArray[np.float32]:
    """Sines, then cosines, of the guidance at falling frequencies, (1, width) float32; an odd width ends in 0.

    Luo et al. 2023 (arXiv:2310.04378) embed w = guidance - 1, times 1000, as Kingma et al. 2021 embed timesteps.
    """
    half = width // 2
    frequencies = np.exp(np.arange(half) * -(np.log(10000.0) / (half - 1)))
    angles = (guidance - 1.0) * 1000.0 * frequencies
    waves = np.concatenate([np.sin(angles), np.cos(angles), np.zeros(width % 2)])
    return waves[None].astype(np.float32)


def keep_mean(hidden: Hidden, weights: TokenWeights) -> Hidden:
    """z' = z w, then z' mean(z) / mean(z'), so that weights move the emphasis and not the loudness of the text.

    Extreme weights bring mean(z') near 0 or turn its sign; the correction is left out where it is beyond 1/4..4.
    """
    weighted = scale(hidden, weights)
    before, after = hidden.mean(dtype=np.float64), weighted.mean(dtype=np.float64)
    sane = before * after > 0 and 0.25 <= before / after <= 4.0
    return weighted * np.float32(before / after) if sane else weighted


def scale(hidden: Hidden, weights: TokenWeights) -> Hidden:
    """z' = z w."""
    scaled: Hidden = hidden * weights[:, None]
    return scaled


EMPHASIS: Mapping[str, Emphasis] = {"original": keep_mean, "no_norm": scale}
"""Ways in which weights act, by name."""


def _emphasis(name: str) -> Emphasis:
    if name not in EMPHASIS:
        raise UnknownName("emphasis", name, EMPHASIS)
    return EMPHASIS[name]


def _chunks(
    read: Sequence[tuple[str, Prompt]], models: Sequence[TextModel], options: PromptOptions
) -> tuple[list[list[list[Chunk]]], list[str]]:
    """Chunks by model and prompt, and notes on what was left out."""
    if options.chunk:
        return [[split(prompt, model.tokenizer) for _, prompt in read] for model in models], []
    chunks: list[list[list[Chunk]]] = [[] for _ in models]
    notes: list[str] = []
    for what, prompt in read:
        if len(prompt.sections) > 1:
            notes.append(f"BREAK in the {what} has no effect: this model reads text as one chunk")
        cuts = []
        for own, model in zip(chunks, models, strict=True):
            kept, lost = cut(prompt, model.tokenizer)
            own.append([kept])
            if lost:
                cuts.append(_cut_note(what, lost, model.tokenizer))
        notes += cuts[:1]
    return chunks, notes


def _cut_note(what: str, lost: Sequence[int], tokenizer: Tokenizer) -> str:
    words = tokenizer.text_of(lost)
    words = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
    return (
        f"the {what} is {len(lost)} tokens longer than the {tokenizer.capacity} that this model reads; "
        f"these words were cut: {words}"
    )


def _encode(model: TextModel, chunks: Sequence[Sequence[Chunk]], count: int, emphasise: Emphasis) -> TextEncoding:
    """Encode `count` chunks of each prompt in one batch; hidden (B, count * tokens, D), pooled (B, P)."""
    framed = [frame(own, count, model.tokenizer) for own in chunks]
    ids = np.concatenate([rows for rows, _ in framed])
    weights = np.concatenate([rows for _, rows in framed])
    hidden, pooled = model.encode(ids)
    hidden = hidden.astype(np.float32, copy=False)
    weighed = np.stack([emphasise(row, own) for row, own in zip(hidden, weights, strict=True)])
    first = None if pooled is None else pooled[::count].astype(np.float32, copy=False)
    return TextEncoding(weighed.reshape(len(chunks), -1, hidden.shape[2]), first)


def _with_extra(conditioning: Conditioning, name: str, row: NDArray[np.float32]) -> Conditioning:
    rows = np.repeat(row, len(conditioning.context), axis=0)
    return replace(conditioning, extra={**conditioning.extra, name: rows})


def _without_first(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros_like(values[:1]), values[1:]])
