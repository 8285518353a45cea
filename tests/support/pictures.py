"""Makers of odd and broken picture files, so that no binary files need to be kept."""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms


def rgb(width: int = 24, height: int = 16, seed: int = 1) -> NDArray[np.uint8]:
    """Random colours, (height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def grey(width: int = 24, height: int = 16, seed: int = 2) -> NDArray[np.uint8]:
    """Random brightness, (height, width)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def encoded(image: Image.Image | NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of this format."""
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, format=kind, **options)
    return out.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    """One chunk with its length and check sum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_png(
    width: int, height: int, depth: int, colour_type: int, rows: bytes, extra: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """A PNG of any depth and colour type from its unfiltered rows (no filter bytes), `extra` chunks before them."""
    stride = len(rows) // height if height else 0  # a file that only claims its size has no rows at all
    filtered = b"".join(b"\x00" + rows[y * stride : (y + 1) * stride] for y in range(height if stride else 0))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


def qoi(pixels: NDArray[np.uint8]) -> bytes:
    """A QOI file, (H, W, 3), every pixel written out in full (the format allows it)."""
    height, width, _ = pixels.shape
    coded = b"".join(b"\xfe" + bytes(pixel) for pixel in pixels.reshape(-1, 3))
    return b"qoif" + struct.pack(">IIBB", width, height, 3, 0) + coded + bytes(7) + b"\x01"


def exif_block(orientation: int | None = None, order: str = "<", thumbnail: bytes = b"", make: bytes = b"") -> bytes:
    """An EXIF block written by hand: IFD0 with a maker and an orientation, IFD1 with a thumbnail."""
    entries = []
    if make:
        entries.append((0x010F, 2, len(make), None))
    if orientation is not None:
        entries.append((0x0112, 3, 1, struct.pack(f"{order}HH", orientation, 0)))
    first_bytes = 2 + 12 * len(entries) + 4
    make_at = 8 + first_bytes
    second_at = make_at + len(make) + len(make) % 2
    thumb_at = second_at + 2 + 24 + 4
    out = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}I", 8)
    out += struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        inline = struct.pack(f"{order}I", make_at) if value is None else value
        out += struct.pack(f"{order}HHI", tag, kind, count) + inline
    out += struct.pack(f"{order}I", second_at if thumbnail else 0) + make + bytes(len(make) % 2)
    if thumbnail:
        out += struct.pack(f"{order}H", 2)
        out += struct.pack(f"{order}HHII", 0x0201, 4, 1, thumb_at)
        out += struct.pack(f"{order}HHII", 0x0202, 4, 1, len(thumbnail))
        out += struct.pack(f"{order}I", 0) + thumbnail
    return out


def srgb_profile() -> bytes:
    """Pillow's own sRGB profile, as of one fixed day: it would else differ from second to second."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    struct.pack_into(">6H", data, 24, 2026, 1, 1, 0, 0, 0)
    return bytes(data)


def wide_profile() -> bytes:
    """An RGB profile with the primaries of Adobe RGB (1998), D50-adapted, and the curve of sRGB."""
    primaries = {
        b"rXYZ": (0.60974, 0.31111, 0.01947),
        b"gXYZ": (0.20528, 0.62567, 0.06087),
        b"bXYZ": (0.14919, 0.06322, 0.74457),
    }
    data = bytearray(srgb_profile())
    for index in range(struct.unpack_from(">I", data, 128)[0]):
        name, offset, _ = struct.unpack_from(">4sII", data, 132 + 12 * index)
        if name in primaries:
            struct.pack_into(">iii", data, offset + 8, *(round(v * 65536) for v in primaries[name]))
    return bytes(data)


def _icc(space: bytes, device: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 2 ICC profile from its tags, connection space XYZ for grey and Lab for CMYK."""
    connection = b"XYZ " if space == b"GRAY" else b"Lab "
    body, table, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, at, len(data))
        body, at = body + padded, at + len(padded)
    header = struct.pack(">I4sI4s4s4s", at, b"lcms", 0x02400000, device, space, connection)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">iii", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + table + body


def _text_tag(text: bytes) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(1 + 8 + 3 + 67)


def grey_profile(gamma: float = 1.0) -> bytes:
    """A grey profile with a pure gamma."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    return _icc(b"GRAY", b"mntr", {b"desc": _text_tag(b"test grey"), b"wtpt": white, b"kTRC": curve})


def cmyk_profile() -> bytes:
    """A CMYK profile whose every colour is one and the same mid green, so that its use cannot be overlooked."""
    ramp = bytes(range(256))
    cells = bytes((128, 60, 190)) * 2**4
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + cells + ramp * 3
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    return _icc(b"CMYK", b"prtr", {b"desc": _text_tag(b"test cmyk"), b"wtpt": white, b"A2B0": table})
