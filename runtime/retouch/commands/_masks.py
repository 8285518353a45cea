"""The mask of a command: a file, or an expression of the mask language."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from retouch_models.errors import UsageError

if TYPE_CHECKING:
    from retouch.arrays import Mask
    from retouch.picture import Picture

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def add_mask_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Which part is repainted."""
    group = parser.add_argument_group("mask")
    group.add_argument(
        "--mask",
        required=required,
        metavar="FILE|EXPRESSION",
        help='white = repaint; or typed, as in "ellipse 120,80 40,30 | expand 6" (docs/masks.md); "alpha" for the '
        "picture's transparency",
    )
    group.add_argument("--fit-mask", action="store_true", help="resize a mask file that has another size")
    group.add_argument("--invert-mask", action="store_true", help="repaint what the mask leaves out")


def is_file(text: str) -> bool:
    """Whether a --mask names a file: it exists, or it is one word that ends like a picture."""
    if "\n" in text or len(text) > 4096:
        return False
    return Path(text).exists() or (Path(text).suffix.lower() in PICTURE_SUFFIXES and " " not in text.strip())


def mask_for(text: str, picture: "Picture", *, fit: bool, invert: bool) -> "tuple[Mask, str | None]":
    """Render the mask for a picture; returns it with its canonical expression, None for a file."""
    import numpy as np

    from retouch.image_io import load_mask, require_painted
    from retouch.mask import MaskSource, parse, render

    if is_file(text):
        mask = load_mask(Path(text), picture.size, fit=fit, invert=invert)
        require_painted(mask)
        return mask, None
    try:
        expression = parse(text)
    except UsageError as error:
        if len(text.split()) == 1:
            raise UsageError(f"--mask {text!r} is neither a file nor a mask expression ({error})") from None
        raise
    source = MaskSource(size=picture.size, picture=picture.pixels, alpha=picture.alpha, fit=fit)
    mask = render(expression, source)
    if invert:
        mask = np.float32(1) - mask
    require_painted(mask)
    return mask, f"invert ({expression})" if invert else str(expression)
