"""A mask as people give it: the name of a file, or an expression of the mask language."""

from pathlib import Path

import numpy as np

from retouch.arrays import Mask
from retouch.errors import PictureError, UsageError
from retouch.image_io import load_mask, require_painted
from retouch.mask import MaskSource, parse, render
from retouch.picture import Picture

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
LONGEST_NAME = 4096


def is_file(text: str, folder: Path = Path()) -> bool:
    """Whether a text names a file: it exists in `folder`, or it is one word that ends like a picture."""
    if "\n" in text or len(text) > LONGEST_NAME:
        return False
    if Path(text).suffix.lower() in PICTURE_SUFFIXES and " " not in text.strip():
        return True
    try:
        return (folder / text).exists()
    except OSError:  # longer than the system allows, so no name
        return False


def mask_of_text(
    text: str, picture: Picture, *, folder: Path = Path(), fit: bool = False, invert: bool = False
) -> tuple[Mask, str | None]:
    """Render the mask for a picture, (H, W); returns it with its canonical expression, None for a file.

    Names of files start in `folder`. UsageError for what cannot be read, PictureError for a mask that marks nothing.
    """
    if is_file(text, folder):
        mask = load_mask(folder / text, picture.size, fit=fit, invert=invert)
        require_painted(mask)
        return mask, None
    expression = checked(text)
    source = MaskSource(size=picture.size, picture=picture.pixels, alpha=picture.alpha, fit=fit, folder=folder)
    mask = render(parse(expression), source)
    if invert:
        mask = np.float32(1) - mask
    if not bool((mask > 0).any()):
        what = "invert" if invert else expression
        raise PictureError(f"the mask is empty, so nothing would be repainted: {what!r} marks nothing in this picture")
    return mask, f"invert ({expression})" if invert else expression


def checked(text: str) -> str:
    """The canonical text of an expression; UsageError points at a mistake."""
    try:
        return str(parse(text))
    except UsageError as error:
        if len(text.split()) == 1:
            raise UsageError(f"the mask {text!r} is neither a file nor a mask expression ({error})") from None
        raise
