"""Recipes hidden in the opacity of a PNG, as NovelAI does it so that they survive sites that strip texts.

The lowest bit of each opacity value, column after column from the top left, most significant bit first: 15 letters
`stealth_pnginfo` (plain) or `stealth_pngcomp` (gzip), the length of the payload in bits (32 bits, big-endian), the
payload. NovelAI stores the texts as a JSON object, other tools an A1111 text.
"""

import json
import zlib

import numpy as np

from retouch.arrays import Alpha
from retouch.picture import Picture
from retouch.recipe import Recipe
from retouch.recipes import READERS
from retouch.recipes.a1111 import from_parameters
from retouch.recipes.novelai import from_texts

_PLAIN, _PACKED = b"stealth_pnginfo", b"stealth_pngcomp"
_MAGIC_BYTES = len(_PLAIN)
_LENGTH_BYTES = 4
_LARGEST_TEXT = 1 << 24
_GZIP = 31


@READERS.register
def read(picture: Picture) -> Recipe | None:
    """Read the hidden text; None when there is none, or it is damaged."""
    text = None if picture.alpha is None else hidden_text(picture.alpha)
    if text is None:
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return from_parameters(text)
    return from_texts(data) if isinstance(data, dict) else None


def hidden_text(alpha: Alpha) -> str | None:
    """The text in the lowest bits of an opacity (H, W); None when there is none, or it is damaged."""
    magic = _bytes(alpha, 0, _MAGIC_BYTES)
    if magic not in (_PLAIN, _PACKED):
        return None
    start = _MAGIC_BYTES + _LENGTH_BYTES
    length = int.from_bytes(_bytes(alpha, _MAGIC_BYTES, _LENGTH_BYTES), "big") // 8
    payload = _bytes(alpha, start, min(length, _LARGEST_TEXT, alpha.size // 8))
    if len(payload) < length:
        return None
    try:
        data = zlib.decompressobj(_GZIP).decompress(payload, _LARGEST_TEXT) if magic == _PACKED else payload
        return data.decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        return None


def _bytes(alpha: Alpha, start: int, count: int) -> bytes:
    """`count` hidden bytes from byte `start` on, or as many as there are; reads only the columns they are in."""
    height = alpha.shape[0]
    first, last = start * 8, (start + count) * 8
    column = first // height
    bits = (alpha[:, column : -(-last // height)] & 1).T.ravel()
    offset = first - column * height
    return np.packbits(bits[offset : offset + last - first]).tobytes()[: max(0, bits.size - offset) // 8]
