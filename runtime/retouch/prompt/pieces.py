"""A prompt that has been read: weighted pieces of text in sections."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ESCAPED = re.compile(r"[()\[\]{}\\]|\bBREAK\b|:(?=:|\Z)|(?<=:):|\A:")
"""What would be read as syntax; single colons inside a piece are harmless."""


@dataclass(frozen=True)
class Piece:
    """Text with one weight; 1 is the weight of plain text."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """Pieces in order, in sections that BREAK separates; each section starts a chunk of its own.

    Equal prompts are equal values: `of` joins neighbours of one weight and drops empty pieces.
    """

    sections: tuple[tuple[Piece, ...], ...]

    @classmethod
    def of(cls, sections: Iterable[Iterable[Piece]]) -> "Prompt":
        """Bring pieces into the one form that equal prompts share."""
        joined = [_joined(section) for section in sections]
        last = len(joined) - 1
        for number, pieces in enumerate(joined):
            if number < last:
                _strip_end(pieces)
            if number > 0:
                _strip_start(pieces)
        return cls(tuple(tuple(pieces) for pieces in joined))

    @property
    def plain(self) -> bool:
        """Whether nothing is weighted and nothing separated."""
        return len(self.sections) == 1 and all(piece.weight == 1 for piece in self.sections[0])

    def __str__(self) -> str:
        """In the grammar: `parse` of it gives this prompt back."""
        return " BREAK ".join("".join(map(_printed, section)) for section in self.sections)


def escape(text: str) -> str:
    """Text that the grammar reads as this very text."""
    return _ESCAPED.sub(r"\\\g<0>", text)


def _printed(piece: Piece) -> str:
    return escape(piece.text) if piece.weight == 1 else f"({escape(piece.text)}:{piece.weight!r})"


def _joined(section: Iterable[Piece]) -> list[Piece]:
    texts: list[list[str]] = []
    weights: list[float] = []
    for piece in section:
        if not piece.text:
            continue
        if weights and weights[-1] == piece.weight:
            texts[-1].append(piece.text)
        else:
            texts.append([piece.text])
            weights.append(piece.weight)
    return [Piece("".join(parts), weight) for parts, weight in zip(texts, weights, strict=True)]


def _strip_end(pieces: list[Piece]) -> None:
    """Take white space off the end of a list of pieces, in place."""
    while pieces and not (text := pieces[-1].text.rstrip()):
        pieces.pop()
    if pieces:
        pieces[-1] = Piece(text, pieces[-1].weight)


def _strip_start(pieces: list[Piece]) -> None:
    """Take white space off the start of a list of pieces, in place."""
    blank = 0
    while blank < len(pieces) and not pieces[blank].text.strip():
        blank += 1
    del pieces[:blank]
    if pieces:
        pieces[0] = Piece(pieces[0].text.lstrip(), pieces[0].weight)
