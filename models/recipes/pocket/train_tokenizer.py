"""Learn a vocabulary from the captions: `python -m recipes.pocket.train_tokenizer OUTPUT`.

Only for a model from scratch: releases of the tokenizers library break ties differently, and a trained text encoder
understands one vocabulary alone.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from recipes.pocket.concepts import Concept
from recipes.pocket.shapes import COLOURS
from recipes.pocket.sprites import read_artwork

PHRASES = Path(__file__).parent / "words" / "phrases.txt"
ENTRIES = 3400
SPECIAL = ("<|startoftext|>", "<|endoftext|>")
WORD_END = "</w>"
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""How CLIP cuts text into words."""


def main() -> None:
    """Train and write vocab.json and merges.txt."""
    parser = argparse.ArgumentParser(description="Learn the vocabulary of the pocket model.")
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    concepts = read_artwork("generator", with_shapes=True).concepts
    vocabulary, merges = learn(corpus(concepts.values()))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = [f"{first} {second}" for first, second in merges]
    (options.output / "merges.txt").write_text("\n".join(["#version: 0.2", *lines, ""]), encoding="utf-8")


def corpus(concepts: Iterable[Concept]) -> Iterator[str]:
    """Phrases, the more important ones several times."""
    for concept in concepts:
        for name in concept.names:
            yield from [name] * 6
            yield from (f"a {name} on a table", f"a {name} in the grass")
        yield from concept.keywords * 2
    for phrase in PHRASES.read_text(encoding="utf-8").splitlines():
        yield from [phrase] * 20
    for colour in COLOURS:
        yield from (f"{colour} background", f"{colour} and white stripes", f"plain {colour} wall") * 5


def learn(texts: Iterable[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Byte pair encoding in CLIP's layout: bytes, bytes that end a word, merges, special tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[1], end_of_word_suffix=WORD_END))
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=ENTRIES,
        initial_alphabet=symbols,
        end_of_word_suffix=WORD_END,
        show_progress=False,
        special_tokens=[],
    )
    tokenizer.train_from_iterator(texts, trainer)
    stored = json.loads(tokenizer.to_str())["model"]["merges"]
    merges = [(first, second) for first, second in (m if isinstance(m, list) else m.split(" ") for m in stored)]
    entries = [*symbols, *(symbol + WORD_END for symbol in symbols), *(a + b for a, b in merges), *SPECIAL]
    return {entry: number for number, entry in enumerate(dict.fromkeys(entries))}, merges


if __name__ == "__main__":
    main()
