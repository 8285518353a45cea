"""Pictures from and to files, in the words of the terminal UI."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from retouch.arrays import RGB
from retouch.edit import apply, flattened
from retouch.errors import OutputError
from retouch.geometry import Size
from retouch.image_io import load_mask, load_picture
from retouch.image_save import save_picture
from retouch.picture import Picture
from retouch_tui.layers import Mask8

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
"""Endings of files that look like pictures."""


def is_picture(path: Path) -> bool:
    """Whether a file looks like a picture by its name."""
    return path.suffix.lower() in SUFFIXES


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder by name; OSError if it cannot be read."""
    return sorted(p for p in folder.iterdir() if is_picture(p) and p.is_file())


def quick_thumbnail(path: Path, side: int = 96) -> RGB | None:
    """Read a picture at most `side` pixels large, (h, w, 3), upright, in its own colours; None if it cannot be read.

    JPEGs are decoded at an eighth of their size, so that a folder of photos is seen at once.
    """
    try:
        with Image.open(path) as image:
            image.draft("RGB", (side, side))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((side, side))
            flat = Image.new("RGBA", upright.size, "white")
            flat.alpha_composite(upright.convert("RGBA"))
            return np.asarray(flat.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow's words for broken files
        return None


def seen(picture: Picture) -> RGB:
    """Return what a person sees and edits, (H, W, 3): sRGB over white."""
    return flattened(picture)


def open_picture(path: Path) -> tuple[Picture, Mask8 | None]:
    """Read a picture, and the mask of its empty (transparent) parts if it has any."""
    picture = load_picture(path)
    if picture.alpha is None or not (picture.alpha == 0).any():
        return picture, None
    return picture, np.where(picture.alpha == 0, 255, 0).astype(np.uint8)


def open_mask(path: Path, size: Size) -> Mask8:
    """Read a mask for a picture of this size; another size is fitted."""
    mask = load_mask(path, size, fit=True)
    return np.rint(mask * 255).astype(np.uint8)


def save_mask(path: Path, mask: Mask8, *, force: bool) -> None:
    """Write the mask as a grey picture, white where it is repainted."""
    save_picture(path, np.repeat(mask[:, :, None], 3, axis=2), force=force)


def save_result(path: Path, pixels: RGB, origin: Picture | None, texts: Mapping[str, str], *, force: bool) -> list[str]:
    """Write an edited picture, (H, W, 3) sRGB, with its recipe and the metadata of the file it came from.

    Pixels that were left alone keep the bytes of that file, in its own colours. Returns notes for the user.
    """
    if origin is None:
        return list(save_picture(path, pixels, text=texts, force=force))
    if origin.pixels.shape != pixels.shape:
        plain = replace(origin, pixels=pixels, alpha=None, profile=None)
        return list(save_picture(path, pixels, like=plain, text=texts, force=force))
    shown = flattened(origin)
    changed = (pixels != shown).any(axis=2).astype(np.float32)
    edited = apply(origin, shown, pixels, changed)
    return list(save_picture(path, edited.pixels, like=origin, alpha=edited.alpha, text=texts, force=force))


def free_name(source: str, folder: Path) -> Path:
    """Suggest a name beside the source that no file has: picture-retouched.png, picture-retouched-2.png …"""
    origin = Path(source) if source else folder / "picture.png"
    parent = origin.parent if source else folder
    for number in range(1, 10_000):
        tail = "-retouched" if number == 1 else f"-retouched-{number}"
        path = parent / f"{origin.stem}{tail}.png"
        if not path.exists():
            return path
    raise OutputError(f"{parent}: no free name for the result; type one")
