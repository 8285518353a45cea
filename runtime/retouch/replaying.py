"""Make a picture again from its recipe, whichever command made it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from retouch.arrays import Mask
from retouch.edit import repaint
from retouch.errors import PictureError, UsageError
from retouch.fix_run import steps_of
from retouch.geometry import Size
from retouch.outpaint import outpaint
from retouch.picture import Picture
from retouch.pipeline import Inpainter
from retouch.progress import OnProgress, ignore
from retouch.recipe import Recipe
from retouch.recipe_mask import embedded_strokes
from retouch.resize import Margins
from retouch.strokes import Layer
from retouch.whole_picture import blank, image_to_image

MaskOf: TypeAlias = Callable[[Recipe, Picture], Mask]
"""Finds the mask of a recipe for a picture."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Replay:
    """What it takes to make a picture again."""

    engine: Inpainter
    mask_of: MaskOf
    on_progress: OnProgress = ignore

    def __call__(self, recipe: Recipe, source: Picture) -> Picture:
        """Run a recipe on the picture it was made from; those of other tools are repainted with their mask."""
        again = self._by_command.get(recipe.command, Replay._masked)
        return again(self, recipe, source)

    def _masked(self, recipe: Recipe, source: Picture) -> Picture:
        mask, strokes = self.mask_of(recipe, source), _strokes_of(recipe)
        return repaint(self.engine, source, mask, recipe.request, self.on_progress, strokes=strokes).picture

    def _whole(self, recipe: Recipe, source: Picture) -> Picture:
        strokes = _strokes_of(recipe)
        return image_to_image(self.engine, source, recipe.request, self.on_progress, strokes=strokes).picture

    def _outpainted(self, recipe: Recipe, source: Picture) -> Picture:
        fact = recipe.outpaint
        if fact is None:
            raise UsageError("the recipe does not say how far the picture grew; outpaint it again")
        margins = Margins(left=fact.left, top=fact.top, right=fact.right, bottom=fact.bottom)
        request, told = recipe.request, self.on_progress
        return outpaint(self.engine, source, margins, request, told, overlap=fact.overlap, fill=fact.fill).picture

    def _fixed(self, recipe: Recipe, source: Picture) -> Picture:
        for step in steps_of(recipe):
            source = self._masked(step, source)
        return source

    _by_command: ClassVar[dict[str, Callable[["Replay", Recipe, Picture], Picture]]] = {
        "generate": _whole,
        "img2img": _whole,
        "outpaint": _outpainted,
        "fix": _fixed,
    }


def source_of(recipe: Recipe) -> Picture | None:
    """The picture that a recipe starts from where it needs no file: an empty one, for one made from a prompt."""
    fact = recipe.picture
    if recipe.command != "generate" or fact is None or fact.width is None or fact.height is None:
        return None
    return blank(Size(fact.width, fact.height))


def _strokes_of(recipe: Recipe) -> Layer | None:
    if recipe.strokes is None:
        return None
    layer = embedded_strokes(recipe.strokes)
    if layer is None:
        raise PictureError("the recipe's strokes were too large to store with it, so it cannot be replayed")
    return layer
