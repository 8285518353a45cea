"""The EXIF block of a picture, changed in place so that everything else in it stays as the camera wrote it.

A block is a small TIFF file in memory: a header (byte order, 42, offset of the first directory), directories of
12-byte entries, and values that directories point at (Exif 2.32, section 4.6; TIFF 6.0, section 2). Rewriting a
block would move maker notes, whose inner offsets count from its start, so this module only patches and appends.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PREFIX = b"Exif\x00\x00"
"""What JPEG puts before the block; blocks in this module come without it."""

_ORIENTATION = 0x0112
_EXIF_DIRECTORY = 0x8769
_USER_COMMENT = 0x9286
_THUMBNAIL_OFFSET = 0x0201
_THUMBNAIL_BYTES = 0x0202
_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_ENTRY_BYTES = 12
_EMPTY = b"II*\x00\x08\x00\x00\x00" + bytes(6)


@dataclass(frozen=True)
class _Entry:
    tag: int
    kind: int
    count: int
    at: int
    """Where the entry's 4-byte value or offset stands in the block."""


@dataclass(frozen=True)
class _Directory:
    at: int
    entries: tuple[_Entry, ...]
    next_at: int
    """Where the offset of the next directory stands."""


def _order(block: bytes | bytearray) -> str | None:
    return {b"II*\x00": "<", b"MM\x00*": ">"}.get(bytes(block[:4]))


def _number(block: bytes | bytearray, at: int, kind: int = _LONG) -> int:
    form = f"{_order(block)}{'H' if kind == _SHORT else 'I'}"
    return int(struct.unpack_from(form, block, at)[0])


def _directory(block: bytes | bytearray, at: int) -> _Directory | None:
    """Read the directory at offset `at`; None when it does not lie inside the block."""
    if _order(block) is None or not 8 <= at <= len(block) - 2:
        return None
    count = _number(block, at, _SHORT)
    next_at = at + 2 + count * _ENTRY_BYTES
    if next_at + 4 > len(block):
        return None
    starts = range(at + 2, next_at, _ENTRY_BYTES)
    entries = tuple(
        _Entry(_number(block, s, _SHORT), _number(block, s + 2, _SHORT), _number(block, s + 4), s + 8) for s in starts
    )
    return _Directory(at, entries, next_at)


def _first(block: bytes | bytearray) -> _Directory | None:
    return _directory(block, _number(block, 4)) if len(block) >= 8 and _order(block) is not None else None


def _find(directory: _Directory | None, tag: int) -> _Entry | None:
    return None if directory is None else next((e for e in directory.entries if e.tag == tag), None)


def _exif_directory(block: bytes | bytearray) -> _Directory | None:
    pointer = _find(_first(block), _EXIF_DIRECTORY)
    return None if pointer is None else _directory(block, _number(block, pointer.at))


def is_readable(block: bytes) -> bool:
    """Whether the block has a header and a first directory."""
    return _first(block) is not None


def orientation(block: bytes) -> int:
    """How the stored picture must be turned, 1..8 as in Exif; 1 when the block does not say."""
    entry = _find(_first(block), _ORIENTATION)
    value = 1 if entry is None else _number(block, entry.at, entry.kind)
    return value if 1 <= value <= 8 else 1


def upright(block: bytes) -> bytes:
    """The block with orientation 1 and without thumbnail, which would go on showing what was painted over."""
    patched = bytearray(block)
    first = _first(patched)
    if first is None:
        return block
    turned = _find(first, _ORIENTATION)
    if turned is not None:
        form = "H" if turned.kind == _SHORT else "I"
        struct.pack_into(f"{_order(patched)}{form}", patched, turned.at, 1)
    thumbnail = _directory(patched, _number(patched, first.next_at))
    where, size = _find(thumbnail, _THUMBNAIL_OFFSET), _find(thumbnail, _THUMBNAIL_BYTES)
    patched[first.next_at : first.next_at + 4] = bytes(4)
    if where is not None and size is not None:
        start = min(_number(patched, where.at), len(patched))
        stop = min(start + _number(patched, size.at), len(patched))
        if start > first.next_at:
            patched[start:stop] = bytes(stop - start)
            if stop == len(patched):
                del patched[start:]
    return bytes(patched)


def user_comment(block: bytes) -> str | None:
    """The text of the user comment, None when there is none."""
    entry = _find(_exif_directory(block), _USER_COMMENT)
    if entry is None or entry.count <= 8:
        return None
    start = _number(block, entry.at)
    code, data = block[start : start + 8], block[start + 8 : start + entry.count]
    if code == b"UNICODE\x00":
        return data.decode(_utf16(data), "replace").lstrip("\ufeff").rstrip("\x00")
    return data.decode("utf-8", "replace").rstrip("\x00 ")


def _utf16(data: bytes) -> str:
    """The byte order of a UTF-16 text: Exif leaves it open, and writers disagree."""
    if data.startswith(b"\xff\xfe"):
        return "utf-16-le"
    return "utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"


def with_user_comment(block: bytes | None, text: str) -> bytes:
    """The block, or a new one, with `text` as its user comment (UTF-16, big-endian, as A1111 writes it)."""
    base = block if block is not None and is_readable(block) else _EMPTY
    out = bytearray(base + bytes(len(base) % 2))
    order = str(_order(out))
    comment = b"UNICODE\x00" + text.encode("utf-16-be", "replace")
    comment_at = _append(out, comment)
    entry = struct.pack(f"{order}HHII", _USER_COMMENT, _UNDEFINED, len(comment), comment_at)
    exif_at = _append(out, _with_entry(out, _exif_directory(out), entry))
    pointer = _find(_first(out), _EXIF_DIRECTORY)
    if pointer is not None:
        struct.pack_into(f"{order}I", out, pointer.at, exif_at)
        return bytes(out)
    entry = struct.pack(f"{order}HHII", _EXIF_DIRECTORY, _LONG, 1, exif_at)
    first_at = _append(out, _with_entry(out, _first(out), entry))
    struct.pack_into(f"{order}I", out, 4, first_at)
    return bytes(out)


def _append(block: bytearray, data: bytes) -> int:
    at = len(block)
    block += data + bytes(len(data) % 2)
    return at


def _with_entry(block: bytearray, directory: _Directory | None, entry: bytes) -> bytes:
    """A copy of `directory` with `entry` in its place among the ascending tags."""
    order = str(_order(block))
    tag = struct.unpack_from(f"{order}H", entry)[0]
    kept = {t: raw for t, raw in _raw_entries(block, directory) if t != tag}
    kept[tag] = entry
    following = bytes(4) if directory is None else bytes(block[directory.next_at : directory.next_at + 4])
    return struct.pack(f"{order}H", len(kept)) + b"".join(kept[t] for t in sorted(kept)) + following


def _raw_entries(block: bytearray, directory: _Directory | None) -> Iterator[tuple[int, bytes]]:
    for entry in () if directory is None else directory.entries:
        start = entry.at - 8
        yield entry.tag, bytes(block[start : start + _ENTRY_BYTES])
