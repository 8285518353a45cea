"""Save a result: the right format for its name, the metadata of the input, whole or not at all."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from retouch import exif as exif_block
from retouch.a1111_text import joined
from retouch.arrays import RGB, Alpha
from retouch.atomic import ensure_replaceable, write_whole
from retouch.errors import OutputError
from retouch.image_formats import Writable, writable_format
from retouch.picture import Picture

_LARGEST_JPEG_EXIF = 65533 - len(exif_block.PREFIX)
_ZLIB_RLE = 3
"""Deflate that looks for runs alone: on photos as small as the usual search, in a quarter of the time."""
_LONG_PNG_TEXT = 1024
"""Longer texts are compressed, as the PNG standard recommends."""
_KEPT_TEXTS = ("Author", "Copyright")
_JPEG_QUALITY = 95
_WEBP_QUALITY = 90


def ensure_writable(path: Path, force: bool) -> None:
    """Check, before anything is generated, that a result could be saved there.

    UsageError for an unknown extension, OutputError for everything that is wrong with the place.
    """
    writable_format(path)
    ensure_replaceable(path, force=force)


def save_picture(
    destination: Path | BinaryIO,
    pixels: RGB,
    *,
    like: Picture | None = None,
    alpha: Alpha | None = None,
    text: Mapping[str, str] | None = None,
    format_name: str = "png",
    quality: int | None = None,
    lossless: bool = False,
    force: bool = False,
) -> tuple[str, ...]:
    """Save (H, W, 3) pixels, with (H, W) `alpha` unless opaque, and return notes for the user.

    The extension of a path decides the format; a stream gets `format_name`. Profile and EXIF come from `like`,
    whose colours the pixels must be in. `text` becomes PNG texts; the other formats carry it in the EXIF user
    comment. `quality` (1..100) is for JPEG and WebP, `lossless` for WebP. The same arguments give the same bytes.
    Raises OutputError or UsageError; nothing is left behind then.
    """
    writable = writable_format(destination if isinstance(destination, Path) else Path(f"picture.{format_name}"))
    longest = max(pixels.shape[:2])
    if longest > writable.max_side_px:
        raise OutputError(
            f"{writable.name} holds at most {writable.max_side_px} pixels a side, the picture has {longest}; "
            "save it as .png"
        )
    notes: list[str] = []
    texts = _kept_texts(like) | dict({} if text is None else text)
    data = _encoded(writable, pixels, like, alpha, texts, quality=quality, lossless=lossless, notes=notes)
    if isinstance(destination, Path):
        write_whole(destination, data, force=force)
    else:
        _send(destination, data)
    return tuple(notes)


def _kept_texts(like: Picture | None) -> dict[str, str]:
    return {} if like is None else {name: like.text[name] for name in _KEPT_TEXTS if name in like.text}


def _send(destination: BinaryIO, data: bytes) -> None:
    try:
        destination.write(data)
        destination.flush()
    except BrokenPipeError:  # the reader has enough; the command line ends quietly
        raise
    except OSError as problem:
        raise OutputError(f"cannot write to standard output: {problem.strerror}; save to a file instead") from None


def _encoded(
    writable: Writable,
    pixels: RGB,
    like: Picture | None,
    alpha: Alpha | None,
    texts: Mapping[str, str],
    *,
    quality: int | None,
    lossless: bool,
    notes: list[str],
) -> bytes:
    options: dict[str, Any] = {}
    if like is not None and like.profile is not None:
        options["icc_profile"] = like.profile
    block = None if like is None else like.exif
    if writable.has_text:
        options["pnginfo"] = _png_texts(texts)
    elif texts:
        block = _exif_with_texts(writable, block, texts, notes)
    if block is not None:
        options["exif"] = exif_block.PREFIX + block
    options |= _FORMAT_OPTIONS[writable.name](quality, lossless)
    exact = lossless if writable.name == "WEBP" else not writable.lossy
    if not exact:
        notes.append(f"{writable.name} is lossy: pixels outside the mask change a little too; .png keeps them exactly")
    stream = BytesIO()
    _image(writable, pixels, alpha, notes).save(stream, format=writable.name, **options)
    return stream.getvalue()


def _image(writable: Writable, pixels: RGB, alpha: Alpha | None, notes: list[str]) -> Image.Image:
    if alpha is None:
        return Image.fromarray(np.ascontiguousarray(pixels))
    if writable.has_alpha:
        return Image.fromarray(np.dstack([pixels, alpha]))
    notes.append(f"{writable.name} has no transparency: transparent parts became white; .png keeps them")
    opacity = alpha[..., None].astype(np.uint32)
    flat = (pixels * opacity + 255 * (255 - opacity) + 127) // 255
    return Image.fromarray(flat.astype(np.uint8))


def _png_options(_quality: int | None, _lossless: bool) -> dict[str, Any]:
    return {"compress_type": _ZLIB_RLE}


def _jpeg_options(quality: int | None, _lossless: bool) -> dict[str, Any]:
    return {"quality": _JPEG_QUALITY if quality is None else quality, "subsampling": 0}


def _webp_options(quality: int | None, lossless: bool) -> dict[str, Any]:
    if lossless:
        return {"lossless": True, "exact": True, "quality": 80}
    return {"quality": _WEBP_QUALITY if quality is None else quality, "method": 4}


def _tiff_options(_quality: int | None, _lossless: bool) -> dict[str, Any]:
    return {"compression": None}  # Pillow's compressing TIFF writer cannot store EXIF directories


_FORMAT_OPTIONS = {"PNG": _png_options, "JPEG": _jpeg_options, "WEBP": _webp_options, "TIFF": _tiff_options}


def _png_texts(texts: Mapping[str, str]) -> PngInfo:
    info = PngInfo()
    for name, value in texts.items():
        sound = value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
        if name == "parameters" and sound.isascii():
            info.add_text(name, sound)
        else:
            info.add_itxt(name, sound, zip=len(sound) > _LONG_PNG_TEXT)
    return info


def _exif_with_texts(
    writable: Writable, block: bytes | None, texts: Mapping[str, str], notes: list[str]
) -> bytes | None:
    """The EXIF block with all texts in its user comment, or with as many as fit."""
    others = joined((name, value) for name, value in texts.items() if name != "parameters")
    main = texts.get("parameters", "")
    limit = _LARGEST_JPEG_EXIF if writable.name == "JPEG" else 2**31
    for comment in (", ".join(part for part in (main, others) if part), main):
        whole = exif_block.with_user_comment(block, comment)
        if comment and len(whole) <= limit:
            return whole
        notes.append(f"the recipe is too long for {writable.name}: it was shortened; .png holds all of it")
    return block
