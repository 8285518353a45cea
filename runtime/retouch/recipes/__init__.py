"""Readers of recipes, one tool per module: each looks at a picture's texts and opacity for what its tool left there."""

from pathlib import Path
from typing import Protocol

import numpy as np

from retouch.errors import PictureError
from retouch.image_io import load_picture
from retouch.image_source import Source, name_of, opened
from retouch.picture import Picture
from retouch.recipe import Recipe, recipe_from_json
from retouch_models.registry import Registry


class RecipeReader(Protocol):
    """Finds one tool's recipe; None when the picture has none of that tool."""

    def __call__(self, picture: Picture) -> Recipe | None: ...


READERS: Registry[RecipeReader] = Registry("retouch.recipes", "recipe reader")

_OURS = "retouch"
_LARGEST_TEXT_BYTES = 1 << 24
_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


def recipe_of(picture: Picture) -> Recipe | None:
    """The recipe that a loaded picture carries, ours before any other tool's; None when it has none."""
    for name in (_OURS, *(other for other in READERS if other != _OURS)):
        recipe = READERS[name](picture)
        if recipe is not None:
            return recipe
    return None


def read_recipe(source: Source) -> Recipe:
    """The recipe in a picture, in a JSON file of ours, or in a text file with A1111 parameters.

    PictureError when there is none, UsageError when it is damaged.
    """
    with opened(source) as stream:
        text = _as_text(stream.read(_LARGEST_TEXT_BYTES))
        if text is not None and text.lstrip().startswith("{"):
            return recipe_from_json(text)
        stream.seek(0)
        again = source if isinstance(source, Path) and source.is_file() else stream  # a pipe is read only once
        picture = load_picture(again) if text is None else Picture(pixels=_NO_PIXELS, text={"parameters": text})
    recipe = recipe_of(picture)
    if recipe is None:
        raise PictureError(f"{name_of(source)} has no recipe; it was not made by a tool that stores one, or lost it")
    return recipe


def _as_text(data: bytes) -> str | None:
    """A recipe as text, or None when the data are a picture or anything else."""
    if b"\x00" in data:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if text.lstrip().startswith("{") or "Steps:" in text else None
