"""Read pictures and masks, upright and safely; saving is in `image_save` and offered here as well."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from retouch import exif as exif_block
from retouch.arrays import Mask
from retouch.errors import PictureError
from retouch.geometry import Size
from retouch.image_decode import Decoded, decoded, turned
from retouch.image_formats import HEADER_BYTES, readable_format
from retouch.image_metadata import exif_of, has_more_than_8_bits, texts_of
from retouch.image_save import ensure_writable, save_picture
from retouch.image_source import Source, name_of, opened
from retouch.mask_file import fitted, mask_of
from retouch.picture import Picture, from_srgb, to_srgb

__all__ = [
    "LARGEST_MEGAPIXELS",
    "Picture",
    "Source",
    "ensure_writable",
    "from_srgb",
    "load_mask",
    "load_picture",
    "require_painted",
    "save_picture",
    "to_srgb",
]

LARGEST_MEGAPIXELS = 178.0
"""Default limit: a small file can claim any size, and would fill the memory."""

_STILL_FORMATS = frozenset({"JPEG", "MPO"})
"""Formats whose further frames are previews or depth maps of the one photo."""
_PILLOW = threading.RLock()
"""Held while Pillow decodes: its size limit and Python's warning filters are global."""


def load_picture(source: Source, *, frame: int | None = None, max_megapixels: float = LARGEST_MEGAPIXELS) -> Picture:
    """Read a picture upright, in 8 bits, opacity apart; see `Picture` for colours.

    `frame` chooses one picture of an animation or a multi-page file, counted from 0. PictureError says what is
    wrong with the file and how to mend it.
    """
    name, path = name_of(source), source if isinstance(source, Path) else None
    with opened(source) as stream:
        return _read(stream, name, path, frame=frame, max_megapixels=max_megapixels, managed=True)


def load_mask(
    source: Source,
    size: Size,
    *,
    fit: bool = False,
    invert: bool = False,
    max_megapixels: float = LARGEST_MEGAPIXELS,
) -> Mask:
    """Read a mask for a picture of this size: (H, W), 0 keep .. 1 repaint, soft values kept.

    White marks what to repaint. In a file with one visible colour and a varying opacity, the opacity marks it.
    `fit` stretches a mask of another size, without it PictureError offers that. Colour profiles are ignored.
    """
    name, path = name_of(source), source if isinstance(source, Path) else None
    with opened(source) as stream:
        picture = _read(stream, name, path, frame=None, max_megapixels=max_megapixels, managed=False)
    mask = mask_of(picture.pixels, picture.alpha)
    if picture.size != size:
        if not fit:
            raise PictureError(
                f"the mask {name} is {picture.size} and the picture {size}; "
                "make them the same size, or stretch the mask with --fit-mask"
            )
        mask = fitted(mask, size)
    return np.float32(1) - mask if invert else mask


def require_painted(mask: Mask) -> None:
    """Raise PictureError when nothing is marked."""
    if not bool((mask > 0).any()):
        raise PictureError(
            "the mask is empty, so nothing would be repainted; mark an area in white, or give --invert-mask"
        )


def _read(
    stream: BinaryIO, name: str, path: Path | None, *, frame: int | None, max_megapixels: float, managed: bool
) -> Picture:
    """Decode a stream; `managed` applies colour profiles, which masks must not have."""
    header = stream.read(HEADER_BYTES)
    stream.seek(0)
    readable = readable_format(header, name)
    with _quiet_pillow():
        try:
            import_module(f"PIL.{readable.plugin}")
            with Image.open(stream, formats=[readable.name]) as image:
                _check_size(image, name, max_megapixels)
                _seek(image, name, frame)
                image.load()
                return _picture(image, header, name, path, managed=managed)
        except PictureError:
            raise
        except ImportError:
            what = f"{readable.name} files need a newer Pillow"
            raise PictureError(f"{name} cannot be read: {what}; update it with: pip install -U pillow") from None
        except MemoryError:
            raise PictureError(f"{name} does not fit into memory; make it smaller first") from None
        except Exception as problem:  # damaged files raise anything from struct.error to IndexError in decoders
            reason = " ".join(str(problem).split())[:120] or type(problem).__name__
            raise PictureError(f"{name} is damaged or cut short ({reason}); get a fresh copy of it") from problem


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Lift Pillow's own size limit, since ours is checked, and keep its warnings from the user's terminal."""
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _check_size(image: Image.Image, name: str, max_megapixels: float) -> None:
    width, height = image.size
    if min(width, height) < 1:
        raise PictureError(f"{name} has no pixels ({width}x{height}); get a fresh copy of it")
    if width * height > max_megapixels * 1e6:
        raise PictureError(
            f"{name} claims {width}x{height} pixels, above the limit of {max_megapixels:g} million; "
            "if that is right, raise it with --max-megapixels"
        )


def _seek(image: Image.Image, name: str, frame: int | None) -> None:
    frames = 1 if image.format in _STILL_FORMATS else int(getattr(image, "n_frames", 1))
    if frame is None and frames > 1:
        raise PictureError(
            f"{name} has {frames} frames or pages; extract one first, or choose one with --frame 0..{frames - 1}"
        )
    if frame is not None and not 0 <= frame < frames:
        raise PictureError(f"{name} has no frame {frame}; choose one with --frame 0..{frames - 1}")
    if frame is not None and frames > 1:
        image.seek(frame)


def _picture(image: Image.Image, header: bytes, name: str, path: Path | None, *, managed: bool) -> Picture:
    block = exif_of(image)
    notes = ("it has 16 bits a channel; results have 8",) if has_more_than_8_bits(image, header) else ()
    upright = turned(image, 1 if block is None else exif_block.orientation(block))
    upright.info = image.info
    profile = image.info.get("icc_profile") if managed else None
    parts: Decoded = decoded(upright, profile if isinstance(profile, bytes) and profile else None, name)
    return Picture(
        pixels=parts.pixels,
        alpha=parts.alpha,
        profile=parts.profile,
        exif=None if block is None else exif_block.upright(block),
        format="JPEG" if image.format in _STILL_FORMATS else str(image.format),
        text=texts_of(image, block),
        path=path,
        notes=notes + parts.notes,
    )
