"""The mask of a command: a file, or an expression of the mask language."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retouch.arrays import Mask
    from retouch.picture import Picture


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


def mask_for(text: str, picture: "Picture", *, fit: bool, invert: bool) -> "tuple[Mask, str | None]":
    """Render the mask for a picture; returns it with its canonical expression, None for a file."""
    from retouch.mask_text import mask_of_text

    return mask_of_text(text, picture, fit=fit, invert=invert)
