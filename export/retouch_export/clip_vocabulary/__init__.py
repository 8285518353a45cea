"""CLIP's byte-pair vocabulary, for checkpoints that come without one; the merges are those that CLIP published."""

import gzip
import json
from importlib.resources import files
from itertools import islice
from pathlib import Path

_START, _END = "<|startoftext|>", "<|endoftext|>"
_BYTES = 256

SIZE = 49408
"""Entries of the whole vocabulary."""


def write_vocabulary(folder: Path, size: int, padding: str = _END) -> Path:
    """Write `vocab.json`, `merges.txt` and the special tokens to `folder`, for a vocabulary of `size` entries.

    A smaller one than CLIP's (tests have them) has the first merges only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(files(__package__).joinpath("merges.txt.gz").open("rb"), "rt", encoding="utf-8") as file:
        merges = [line.rstrip("\n") for line in islice(file, max(0, size - 2 * _BYTES - 2))]
    symbols = byte_symbols()
    entries = [*symbols, *(f"{s}</w>" for s in symbols), *(m.replace(" ", "") for m in merges), _START, _END]
    vocabulary = {entry: number for number, entry in enumerate(entries)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    special = {"bos_token": _START, "eos_token": _END, "unk_token": _END, "pad_token": padding}
    (folder / "special_tokens_map.json").write_text(json.dumps(special), encoding="utf-8")
    return folder


def byte_symbols() -> list[str]:
    """Printable symbols for all bytes, in the order of CLIP's vocabulary: printable bytes first, as themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = _BYTES - len(printable)
    return [chr(b) for b in printable] + [chr(_BYTES + i) for i in range(others)]
