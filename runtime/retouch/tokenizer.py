"""CLIP byte-pair encoding: text to token ids and back.

Written for one vocabulary of a bundle (`vocab.json`, `merges.txt`) after Sennrich et al. 2016 (arXiv:1508.07909) and
the cleaning that CLIPTokenizer of transformers does where ftfy is absent. Plain Python: prompts are short, and a
tokenizer library would bring tens of megabytes and an HTTP client with it.
"""

import heapq
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retouch.errors import BundleError
from retouch_models.manifest import TokenizerSpec

TokenIds = NDArray[np.int64]
"""Token ids of one framed chunk, (tokens,), start, text, end, padding."""

WORD_END = "</w>"
_REPLACEMENT = "\ufffd"

# Found before letters, digits and the rest; the first two only when spelt otherwise than in the vocabulary.
_FIXED = re.compile(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d", re.IGNORECASE)

# CJK blocks: every character is a word of its own.
_IDEOGRAPHS = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class Tokenizer:
    """One vocabulary and the frame its text encoder expects."""

    def __init__(self, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], spec: TokenizerSpec) -> None:
        """Take the entries with their ids and the merges, the most frequent first."""
        self.spec = spec
        self._ids = dict(vocabulary)
        self._entries = {number: entry for entry, number in self._ids.items()}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        # Text of a special token stands for it wherever it is typed. Where "!" pads (SD 2), every "!" is such a token.
        # So do the words that a textual inversion added, which may stand for several ids.
        self._special: dict[str, tuple[int, ...]] = {
            self._entries[number]: (number,) for number in (spec.bos, spec.eos, spec.pad)
        }
        self._special |= {word: tuple(ids) for word, ids in spec.words.items()}
        self._special_split = re.compile(
            "(" + "|".join(map(re.escape, sorted(self._special, key=len, reverse=True))) + ")"
        )
        self.comma = self._ids.get("," + WORD_END)
        """Id of a comma, None if the vocabulary has none: a good place to cut a long prompt."""

    @classmethod
    def load(cls, folder: Path, spec: TokenizerSpec) -> "Tokenizer":
        """Read `vocab.json` and `merges.txt` from a folder; BundleError if they are missing or damaged."""
        try:
            vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            lines = (folder / "merges.txt").read_text(encoding="utf-8").strip().split("\n")[1:]
        except (OSError, ValueError) as error:
            raise BundleError(
                f"the tokenizer in {folder} cannot be read ({error}); fetch or export the model again"
            ) from error
        merges = [(first, second) for first, _, second in (line.strip().partition(" ") for line in lines)]
        numbers = set(vocabulary.values()) if isinstance(vocabulary, dict) else set()
        if not {spec.bos, spec.eos, spec.pad} <= numbers or not all(second for _, second in merges):
            raise BundleError(f"the tokenizer in {folder} does not fit its manifest; fetch or export the model again")
        return cls(vocabulary, merges, spec)

    @property
    def capacity(self) -> int:
        """Tokens of text that fit into one frame, between start and end."""
        return self.spec.tokens - 2

    def tokens(self, text: str) -> list[int]:
        """Ids of a text of any length, without start, end and padding."""
        ids: list[int] = []
        for part in self._special_split.split(text):
            if part in self._special:
                ids.extend(self._special[part])
                continue
            for word in _words(_clean(part)):
                ids.extend(self._ids.get(entry, self.spec.eos) for entry in self._pieces(word))
        return ids

    def frame(self, ids: Sequence[int]) -> TokenIds:
        """Start, ids, end and padding, (tokens,) int64; ValueError above `capacity` ids."""
        if len(ids) > self.capacity:
            raise ValueError(f"{len(ids)} tokens do not fit into a frame of {self.capacity}")
        spec = self.spec
        framed = np.full(spec.tokens, spec.pad, dtype=np.int64)
        framed[: len(ids) + 2] = [spec.bos, *ids, spec.eos]
        return framed

    def text_of(self, ids: Sequence[int]) -> str:
        """Readable text of ids: lower case, one space after each word; broken characters become U+FFFD."""
        entries = "".join(self._entries.get(number, _REPLACEMENT) for number in ids)
        spaced = entries.replace(WORD_END, " ")
        raw = b"".join(bytes([_SYMBOL_BYTES[c]]) if c in _SYMBOL_BYTES else c.encode() for c in spaced)
        return raw.decode("utf-8", errors="replace").strip()

    def _pieces(self, word: str) -> list[str]:
        """Split a word into vocabulary entries by applying the merges, best rank first."""
        if word in ("<|startoftext|>", "<|endoftext|>"):
            return [word]
        symbols = [_BYTE_SYMBOLS[byte] for byte in word.encode("utf-8")]
        symbols[-1] += WORD_END
        return merged(symbols, self._ranks)


def merged(symbols: list[str], ranks: Mapping[tuple[str, str], int]) -> list[str]:
    """Join neighbours by rank until no pair has one; n log n, so that a page without a space is no trap.

    The heap holds (rank, position of the left part, left, right); an entry is stale once either part has changed.
    All pairs of one rank are popped from left to right before those that their merging creates at a worse rank.
    """
    parts = list(symbols)  # a part that was joined to its left neighbour is ""
    after = list(range(1, len(parts) + 1))
    before = list(range(-1, len(parts) - 1))
    heap: list[tuple[int, int, str, str]] = []

    def offer(left: int) -> None:
        if left >= 0 and after[left] < len(parts):
            pair = parts[left], parts[after[left]]
            if pair in ranks:
                heapq.heappush(heap, (ranks[pair], left, *pair))

    for position in range(len(parts)):
        offer(position)
    while heap:
        _, left, first, second = heapq.heappop(heap)
        right = after[left]
        if right == len(parts) or parts[left] != first or parts[right] != second:
            continue
        parts[left], parts[right] = first + second, ""
        after[left] = after[right]
        if after[left] < len(parts):
            before[after[left]] = left
        offer(before[left])
        offer(left)
    return [part for part in parts if part]


def _clean(text: str) -> str:
    """Drop control characters, set ideographs apart, compose (NFC), lower-case and join words by one space."""
    kept = (_clean_character(character) for character in text)
    return " ".join(word.lower() for word in unicodedata.normalize("NFC", "".join(kept)).split())


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    if category.startswith("C") or character == _REPLACEMENT:
        return ""  # this takes zero-width joiners out of emoji, as the tokenizer of the training did
    point = ord(character)
    if point >= 0x3400 and any(low <= point <= high for low, high in _IDEOGRAPHS):
        return f" {character} "
    return character


def _words(text: str) -> Iterator[str]:
    """Split clean text: contractions, runs of letters, single digits, runs of anything else."""
    start = 0
    while start < len(text):
        if text[start] in "<'" and (fixed := _FIXED.match(text, start)):
            end = fixed.end()
        else:
            kind = _kind(text[start])
            end = start + 1
            while kind != "N" and end < len(text) and _kind(text[end]) == kind:
                end += 1
            if kind == " ":
                start = end
                continue
        yield text[start:end]
        start = end


def _kind(character: str) -> str:
    if (
        character in " \u0345"
    ):  # the mark's capital is the letter Iota; the original, blind to case, finds it in no class
        return " "
    category = unicodedata.category(character)[0]
    return category if category in "LN" else "other"


def _byte_symbols() -> dict[int, str]:
    """One printable character per byte: itself where it is printable Latin-1, else the next from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    return {byte: chr(byte) for byte in printable} | {byte: chr(0x100 + n) for n, byte in enumerate(others)}


_BYTE_SYMBOLS = _byte_symbols()
_SYMBOL_BYTES = {symbol: byte for byte, symbol in _BYTE_SYMBOLS.items()}
