"""Masks from files: what they show as a whole, or one channel or colour of them."""

from collections.abc import Callable
from pathlib import Path

from retouch.arrays import Mask
from retouch.errors import PictureError
from retouch.geometry import Size
from retouch.image_io import load_mask, load_picture
from retouch.mask import select
from retouch.mask.shapes import Channel, File
from retouch.mask_file import fitted, mask_of
from retouch.picture import Picture


def mask_of_file(path: Path, file: File, size: Size, *, fit: bool = False) -> Mask:
    """The mask that a file holds for a picture of this size; `fit` stretches one of another size.

    `auto` reads it as every mask file is read, the others look at brightness, opacity or a key colour alone.
    """
    if file.channel == "auto":
        return load_mask(path, size, fit=fit)
    picture = load_picture(path)
    mask = _CHANNELS[file.channel](picture, file)
    if picture.size == size:
        return mask
    if not fit:
        raise PictureError(
            f"the mask {path.name} is {picture.size} and the picture {size}; "
            "make them the same size, or stretch the mask with --fit-mask"
        )
    return fitted(mask, size)


def _grey(picture: Picture, _: File) -> Mask:
    return mask_of(picture.pixels, None)


def _alpha(picture: Picture, _: File) -> Mask:
    if picture.alpha is None:
        raise PictureError("the mask file has no transparency; leave the word alpha out to use its brightness")
    return select.from_opacity(picture.alpha)


def _colour(picture: Picture, file: File) -> Mask:
    if file.key is None:
        raise PictureError("the mask file's key colour is missing; write it as color #rrggbb")
    return select.by_colour(picture.pixels, file.key.rgb, file.key.tolerance)


_CHANNELS: dict[Channel, Callable[[Picture, File], Mask]] = {"grey": _grey, "alpha": _alpha, "colour": _colour}
