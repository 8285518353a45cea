"""What a picture file says beside its pixels: EXIF, named texts, bits a channel."""

import numpy as np
from PIL import Image

from retouch.exif import PREFIX, is_readable, user_comment

_DESCRIPTIVE_TIFF_TAGS = (270, 271, 272, 305, 306, 315, 33432)
_TIFF_DIRECTORIES = (0x8769, 0x8825)
_PNG_DEPTH_AT = 24


def exif_of(image: Image.Image) -> bytes | None:
    """The EXIF block of a loaded image without JPEG's prefix, None when there is none or it is unreadable.

    A TIFF file is one big EXIF block; its descriptive tags are taken, those that describe its storage are not.
    """
    block = _tiff_block(image) if image.format == "TIFF" else image.info.get("exif", b"")
    data = bytes(block).removeprefix(PREFIX)
    return data if is_readable(data) else None


def texts_of(image: Image.Image, block: bytes | None) -> dict[str, str]:
    """Named texts of a PNG; the user comment of the EXIF block stands in for a missing `parameters`."""
    texts = {str(k): str(v) for k, v in getattr(image, "text", {}).items()} if image.format == "PNG" else {}
    comment = None if block is None else user_comment(block)
    return {"parameters": comment} | texts if comment else texts


def has_more_than_8_bits(image: Image.Image, header: bytes) -> bool:
    """Whether the file has more than 8 bits a channel; `header` is its first bytes."""
    if image.mode.startswith("I"):
        return True
    if image.format == "PNG":
        return header[_PNG_DEPTH_AT] > 8
    return image.format == "TIFF" and bool(np.max(getattr(image, "tag_v2", {}).get(258, 8)) > 8)


def _tiff_block(image: Image.Image) -> bytes:
    own, block = image.getexif(), Image.Exif()
    for tag in _DESCRIPTIVE_TIFF_TAGS:
        if tag in own:
            block[tag] = own[tag]
    for tag in _TIFF_DIRECTORIES:
        inner = own.get_ifd(tag)
        if inner:
            block[tag] = inner
    return block.tobytes() if len(block) else b""
