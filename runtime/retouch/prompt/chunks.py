"""A prompt as chunks of weighted tokens, each as long as the text encoder reads at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retouch.prompt.pieces import Piece, Prompt
from retouch.tokenizer import Tokenizer

ChunkIds = NDArray[np.int64]
"""Framed token ids, (chunks, tokens)."""

ChunkWeights = NDArray[np.float32]
"""Weight of each token, (chunks, tokens); 1 for start, end and padding."""


@dataclass(frozen=True)
class Chunk:
    """Tokens of text with their weights, without start and end; empty for a chunk that only fills up."""

    ids: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()


def split(prompt: Prompt, tokenizer: Tokenizer) -> list[Chunk]:
    """Divide a prompt into chunks; at least one, and none empty unless the prompt is.

    A chunk ends at BREAK and where it is full, or up to 20 of 75 tokens sooner behind a comma, so that what belongs
    together is read together (the rule of AUTOMATIC1111, scaled to the model's length).
    """
    chunks = [chunk for section in prompt.sections for chunk in _split_section(_tokens(section, tokenizer), tokenizer)]
    return chunks if chunks else [Chunk()]


def cut(prompt: Prompt, tokenizer: Tokenizer) -> tuple[Chunk, tuple[int, ...]]:
    """Keep what fits into one chunk; also returns the ids that were cut off. BREAK is passed over."""
    chunk = _tokens([piece for section in prompt.sections for piece in section], tokenizer)
    return _part(chunk, 0, tokenizer.capacity), chunk.ids[tokenizer.capacity :]


def frame(chunks: Sequence[Chunk], count: int, tokenizer: Tokenizer) -> tuple[ChunkIds, ChunkWeights]:
    """Frame chunks and fill up with empty ones to `count`; ids and weights, (count, tokens) each."""
    full = [*chunks, *[Chunk()] * (count - len(chunks))]
    weights = np.ones((count, tokenizer.spec.tokens), np.float32)
    for row, chunk in zip(weights, full, strict=True):
        row[1 : 1 + len(chunk.weights)] = chunk.weights
    return np.stack([tokenizer.frame(chunk.ids) for chunk in full]), weights


def _tokens(pieces: Sequence[Piece], tokenizer: Tokenizer) -> Chunk:
    """Tokens of any number. Pieces are tokenised one by one, so a weight inside a word parts the word."""
    ids: list[int] = []
    weights: list[float] = []
    for piece in pieces:
        found = tokenizer.tokens(piece.text)
        ids += found
        weights += [piece.weight] * len(found)
    return Chunk(tuple(ids), tuple(weights))


def _split_section(section: Chunk, tokenizer: Tokenizer) -> Iterator[Chunk]:
    start, total = 0, len(section.ids)
    while total - start > tokenizer.capacity:
        end = _good_end(section.ids, start, tokenizer)
        yield _part(section, start, end)
        start = end
    if start < total:
        yield _part(section, start, total)


def _good_end(ids: Sequence[int], start: int, tokenizer: Tokenizer) -> int:
    """Where a chunk from `start` ends when more follows: behind its last comma if that is near, else when full."""
    full = start + tokenizer.capacity
    backtrack = round(20 * tokenizer.capacity / 75)
    if ids[full] == tokenizer.comma:
        return full
    for place in range(full - 1, max(full - backtrack, start) - 1, -1):
        if ids[place] == tokenizer.comma:
            return place + 1
    return full


def _part(chunk: Chunk, start: int, end: int) -> Chunk:
    return Chunk(chunk.ids[start:end], chunk.weights[start:end])
