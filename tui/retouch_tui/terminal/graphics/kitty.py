"""kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol): PNG in chunks of 4096 bytes."""

from base64 import standard_b64encode
from io import BytesIO

from PIL import Image

from retouch.arrays import RGB
from retouch_tui.terminal.graphics import RESTORE, SAVE, WRITERS, Place, stretched

CHUNK = 4096
"""Longest payload of one sequence, a multiple of 4 as base64 wants."""

FIRST_ID = 7_350
"""Pictures are numbered from here: other programs count from 1."""


class Kitty:
    """Pictures above the text, each replaced by its next one; the terminal keeps silent about them (q=2)."""

    stays = True

    def show(self, picture: RGB, place: Place) -> str:
        """Return the picture as PNG, placed over its cells without moving the cursor (C=1)."""
        packed = BytesIO()
        Image.fromarray(_no_larger(picture, place)).save(packed, "PNG", compress_level=6)
        payload = standard_b64encode(packed.getvalue()).decode()
        pieces = [payload[start : start + CHUNK] for start in range(0, len(payload), CHUNK)]
        head = f"a=T,f=100,t=d,i={_id(place)},p=1,c={place.columns},r={place.rows},C=1,q=2,"
        sequences = [
            f"\x1b_G{head if first else ''}m={0 if last else 1};{piece}\x1b\\" for piece, first, last in _ends(pieces)
        ]
        return f"{SAVE}{place.go}{''.join(sequences)}{RESTORE}"

    def clear(self, place: Place) -> str:
        """Return the sequence that removes the picture and frees its memory (d=I)."""
        return f"\x1b_Ga=d,d=I,i={_id(place)},q=2\x1b\\"


def _no_larger(picture: RGB, place: Place) -> RGB:
    """The terminal stretches a smaller picture itself; a larger one would only cost bytes."""
    height, width = picture.shape[:2]
    return stretched(picture, min(width, place.width), min(height, place.height))


def _id(place: Place) -> int:
    return FIRST_ID + place.number


def _ends(pieces: list[str]) -> list[tuple[str, bool, bool]]:
    """Each piece, whether it is the first, whether it is the last."""
    return [(piece, index == 0, index == len(pieces) - 1) for index, piece in enumerate(pieces)]


WRITERS.register(Kitty())
