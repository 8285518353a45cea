"""Which picture files can be read and written, told from their first bytes or their extension."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from retouch.errors import PictureError, UsageError

HEADER_BYTES = 64
"""How much of a file `readable_format` wants to see."""


@dataclass(frozen=True)
class Readable:
    """A format that Pillow decodes for us."""

    name: str
    """Pillow's name of the format."""
    plugin: str
    """The one Pillow module that is imported for it."""


@dataclass(frozen=True)
class Writable:
    """A format that results can be saved in."""

    name: str
    lossy: bool
    """Whether saving changes pixels (unless a lossless variant is asked for)."""
    has_alpha: bool
    max_side_px: int
    has_text: bool
    """Whether it holds named texts; the others carry them in the EXIF user comment."""


_PNG = Readable("PNG", "PngImagePlugin")
_JPEG = Readable("JPEG", "JpegImagePlugin")
_TIFF = Readable("TIFF", "TiffImagePlugin")
_JPEG2000 = Readable("JPEG2000", "Jpeg2KImagePlugin")
_AVIF = Readable("AVIF", "AvifImagePlugin")

_READABLE: tuple[tuple[int, bytes, Readable], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _PNG),
    (0, b"\xff\xd8\xff", _JPEG),
    (8, b"WEBP", Readable("WEBP", "WebPImagePlugin")),
    (0, b"GIF87a", Readable("GIF", "GifImagePlugin")),
    (0, b"GIF89a", Readable("GIF", "GifImagePlugin")),
    (0, b"BM", Readable("BMP", "BmpImagePlugin")),
    (0, b"qoif", Readable("QOI", "QoiImagePlugin")),
    (0, b"\x00\x00\x00\x0cjP  \r\n", _JPEG2000),
    (0, b"\xff\x4f\xff\x51", _JPEG2000),
    (4, b"ftypavif", _AVIF),
    (4, b"ftypavis", _AVIF),
    (0, b"II*\x00", _TIFF),
    (0, b"MM\x00*", _TIFF),
    (0, b"II+\x00", _TIFF),
    (0, b"MM\x00+", _TIFF),
    *((0, b"P" + digit, Readable("PPM", "PpmImagePlugin")) for digit in (b"1", b"2", b"3", b"4", b"5", b"6")),
)

_DEVELOP = "develop it to PNG, TIFF or JPEG first"
_EXPORT = "export it as PNG first"
_REFUSED: tuple[tuple[int, bytes, str, str], ...] = (
    (8, b"CR\x02\x00", "a Canon RAW photo", _DEVELOP),
    (4, b"ftypcrx", "a Canon RAW photo", _DEVELOP),
    (0, b"FUJIFILMCCD-RAW", "a Fujifilm RAW photo", _DEVELOP),
    (0, b"IIU\x00", "a Panasonic RAW photo", _DEVELOP),
    (0, b"IIRO", "an Olympus RAW photo", _DEVELOP),
    (0, b"IIRS", "an Olympus RAW photo", _DEVELOP),
    (0, b"MMOR", "an Olympus RAW photo", _DEVELOP),
    (4, b"ftyphei", "a HEIC photo", "convert it to PNG or JPEG first"),
    (4, b"ftyphev", "a HEIC photo", "convert it to PNG or JPEG first"),
    (4, b"ftypmif1", "a HEIC photo", "convert it to PNG or JPEG first"),
    (4, b"ftypmsf1", "a HEIC photo", "convert it to PNG or JPEG first"),
    (4, b"ftyp", "a video", "extract a frame as PNG first"),
    (0, b"\x1aE\xdf\xa3", "a video", "extract a frame as PNG first"),
    (0, b"\xff\x0a", "a JPEG XL picture", "convert it to PNG first"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", "convert it to PNG first"),
    (0, b"8BPS", "a Photoshop document", _EXPORT),
    (0, b"gimp xcf", "a GIMP document", _EXPORT),
    (0, b"%PDF", "a PDF document", _EXPORT),
    (0, b"%!PS", "a PostScript document", _EXPORT),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript document", _EXPORT),
    (0, b"v/1\x01", "an OpenEXR picture", "tone-map it to a PNG first"),
    (0, b"#?RADIANCE", "a Radiance HDR picture", "tone-map it to a PNG first"),
    (0, b"\x00\x00\x01\x00", "an icon file", _EXPORT),
    (0, b"PK\x03\x04", "a zip archive or layered document", "unpack it or export a PNG first"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the picture itself", "run git lfs pull"),
)
_RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw"}
    | {".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
)

_WRITABLE = {
    ".png": Writable("PNG", lossy=False, has_alpha=True, max_side_px=2**31 - 1, has_text=True),
    ".jpg": Writable("JPEG", lossy=True, has_alpha=False, max_side_px=65500, has_text=False),
    ".jpeg": Writable("JPEG", lossy=True, has_alpha=False, max_side_px=65500, has_text=False),
    ".webp": Writable("WEBP", lossy=True, has_alpha=True, max_side_px=16383, has_text=False),
    ".tif": Writable("TIFF", lossy=False, has_alpha=True, max_side_px=2**31 - 1, has_text=False),
    ".tiff": Writable("TIFF", lossy=False, has_alpha=True, max_side_px=2**31 - 1, has_text=False),
}


def readable_format(header: bytes, name: str) -> Readable:
    """Tell a picture's format from its first `HEADER_BYTES` bytes; `name` is used in errors and for RAW suffixes.

    Raises PictureError, naming what the file is where that can be recognised.
    """
    if not header:
        raise PictureError(f"{name} is empty (zero bytes); check the download or copy that made it")
    for offset, magic, what, cure in _REFUSED:
        if header.startswith(magic, offset) and not (magic == b"ftyp" and header[8:12] in (b"avif", b"avis")):
            raise PictureError(f"{name} is {what}, which cannot be read; {cure}")
    for offset, magic, readable in _READABLE:
        if header.startswith(magic, offset):
            if readable is _TIFF and Path(name).suffix.lower() in _RAW_SUFFIXES:
                raise PictureError(f"{name} is a RAW photo, which cannot be read; {_DEVELOP}")
            return readable
    start = header.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<svg", b"<?xml")):
        raise PictureError(f"{name} is an SVG or XML document, which cannot be read; {_EXPORT}")
    if start.startswith((b"<!doctype html", b"<html")):
        raise PictureError(f"{name} is a web page, not a picture; download the picture itself")
    raise PictureError(f"{name} is not a picture; give a PNG, JPEG, WebP, TIFF, AVIF, GIF, BMP or JPEG 2000 file")


def writable_format(path: Path) -> Writable:
    """Tell the output format from the extension of `path`; raises UsageError with the nearest known one."""
    suffix = path.suffix.lower()
    if suffix in _WRITABLE:
        return _WRITABLE[suffix]
    near = get_close_matches(suffix, _WRITABLE, n=1, cutoff=0.5)
    hint = f" Did you mean {path.with_suffix(near[0]).name!r}?" if near else ""
    what = f"the extension {path.suffix!r}" if path.suffix else "a name without extension"
    raise UsageError(f"cannot save as {what}; use one of {', '.join(_WRITABLE)}.{hint}")
