"""Paint whole pictures: new ones from a prompt, and given ones again with their structure kept."""

from dataclasses import replace

import numpy as np

from retouch.arrays import Mask
from retouch.edit import Edit, repaint
from retouch.errors import UsageError
from retouch.geometry import Size
from retouch.picture import Picture
from retouch.pipeline import Inpainter
from retouch.progress import OnProgress, ignore
from retouch.request import InpaintRequest
from retouch.resize import GREY, LARGEST
from retouch.strokes import Layer

STRENGTH = 0.6
"""Of image to image when none is given: colours and places stay, shapes may change."""


def generate(
    engine: Inpainter,
    size: Size,
    request: InpaintRequest,
    on_progress: OnProgress = ignore,
    *,
    strokes: Layer | None = None,
) -> Edit:
    """Paint a new picture of this size; a request below strength 1 starts from `strokes`, (H, W, 4), on grey.

    Errors as of `Inpainter.run`.
    """
    return image_to_image(engine, blank(size), request, on_progress, strokes=strokes)


def image_to_image(
    engine: Inpainter,
    picture: Picture,
    request: InpaintRequest,
    on_progress: OnProgress = ignore,
    *,
    strokes: Layer | None = None,
) -> Edit:
    """Repaint all of a picture; its opacity stays. A size the model cannot work at is scaled there and back."""
    whole = replace(request, area="picture")
    if engine.manifest.size.allows(*picture.size) and request.work_size is None:
        whole = replace(whole, work_size=(picture.size.width, picture.size.height))
    edit = repaint(engine, picture, all_of(picture.size), whole, on_progress, strokes=strokes)
    result = edit.result
    scaled = result.regions[0].placement
    if scaled.crop.size != scaled.work:
        note = f"the model worked at {scaled.work}, scaled to the {picture.size} asked for"
        result = replace(result, notes=(*result.notes, note))
    return Edit(replace(edit.picture, alpha=picture.alpha), result)


def blank(size: Size) -> Picture:
    """An empty picture, all grey."""
    if size.area > LARGEST:
        raise UsageError(f"a picture of {size} is too large; stay below {LARGEST // 1_000_000} million pixels")
    return Picture(pixels=np.full((size.height, size.width, 3), GREY, np.uint8))


def all_of(size: Size) -> Mask:
    """The mask of a whole picture, (H, W)."""
    return np.ones((size.height, size.width), np.float32)
