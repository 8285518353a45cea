"""Pictures from and to files, in the words of the terminal UI."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from retouch.arrays import RGB
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


def save_result(path: Path, pixels: RGB, like: Picture | None, texts: Mapping[str, Any], *, force: bool) -> list[str]:
    """Write a picture with the metadata of its original and its recipe; returns notes for the user."""
    fits = like is not None and like.pixels.shape == pixels.shape
    own = None if like is None else (like if fits else replace(like, pixels=pixels, alpha=None))
    alpha = like.alpha if like is not None and fits else None
    if alpha is not None:
        alpha = np.where((pixels != like.pixels).any(axis=2), 255, alpha) if like is not None else alpha
    return list(save_picture(path, pixels, like=own, alpha=alpha, text=dict(texts), force=force))


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
