"""Recipes in commands: what is stored with a result, and what `--recipe` takes from one."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from retouch.commands._options import request_from
from retouch.commands._progress import Narrator
from retouch_models.errors import PictureError, UsageError
from retouch_models.store import DEFAULT
from retouch_models.version import __version__

if TYPE_CHECKING:
    from retouch.arrays import Mask
    from retouch.edit import Edit
    from retouch.picture import Picture
    from retouch.pipeline import Inpainter
    from retouch.recipe import OutpaintFact, Recipe
    from retouch.request import InpaintRequest
    from retouch.strokes import Layer

MaskReader = Callable[..., "tuple[Mask, str | None]"]


def recipe_texts(
    engine: "Inpainter",
    edit: "Edit",
    picture: "Picture",
    mask: "Mask",
    expression: str | None,
    *,
    mask_file: str | None = None,
    command: str = "inpaint",
    strokes: "Layer | None" = None,
    outpaint: "OutpaintFact | None" = None,
) -> dict[str, str]:
    """Texts for the result's file: how it was made, for this tool and for others."""
    from dataclasses import asdict

    from retouch.recipe import ModelFact, Recipe
    from retouch.recipe_mask import mask_fact, picture_fact, strokes_fact
    from retouch.recipe_text import recipe_texts as texts

    return texts(
        Recipe(
            request=edit.result.request,
            command=command,
            model=ModelFact(name=engine.manifest.name, hash=engine.bundle.digest),
            picture=picture_fact(picture),
            mask=mask_fact(mask, expression=expression, file=mask_file),
            strokes=None if strokes is None else strokes_fact(strokes),
            outpaint=outpaint,
            version=__version__,
            provider=edit.result.provider,
            proof=asdict(edit.result.proof),
        )
    )


def recipe_of(args: argparse.Namespace) -> "Recipe | None":
    """Read the file that --recipe names."""
    from retouch.recipes import read_recipe

    name = getattr(args, "recipe", None)
    return None if name is None else read_recipe(sys.stdin.buffer if name == "-" else Path(name))


def request_of(args: argparse.Namespace, recipe: "Recipe | None", narrator: Narrator) -> "InpaintRequest":
    """Lay the options of the command line over the recipe's request; what a recipe cannot say here is told."""
    if recipe is not None:
        for text in recipe.unmapped:
            narrator.note(f"the recipe says {text}, which has no counterpart here")
    return with_styles(request_from(args, None if recipe is None else recipe.request), args)


def model_of(args: argparse.Namespace, recipe: "Recipe | None") -> str:
    """The model to use: --model, else the one that a recipe of ours names."""
    chosen = str(args.model)
    if chosen != DEFAULT or recipe is None or recipe.model is None or recipe.source != "retouch":
        return chosen
    return recipe.model.name


def with_styles(request: "InpaintRequest", args: argparse.Namespace) -> "InpaintRequest":
    """Work the named styles and the undesired-content preset into the prompts."""
    if not getattr(args, "style", None) and getattr(args, "preset", None) is None:
        return request
    from dataclasses import replace

    from retouch.prompt.styles import load_styles

    styled = load_styles().apply(request.prompt, request.negative_prompt, args.style or (), args.preset or "none")
    return replace(request, prompt=styled.prompt, negative_prompt=styled.negative)


def mask_of(
    args: argparse.Namespace, recipe: "Recipe | None", picture: "Picture", read: MaskReader
) -> "tuple[Mask, str | None]":
    """Take the mask from --mask, else from the recipe, else from the picture's transparency."""
    if args.mask is not None:
        return read(args.mask, picture, fit=args.fit_mask, invert=args.invert_mask)
    if recipe is not None and recipe.mask is not None:
        return _stored_mask(args, recipe, picture, read)
    if picture.alpha is not None and bool((picture.alpha < 255).any()):
        return read("alpha", picture, fit=False, invert=args.invert_mask)
    raise UsageError('say what to repaint: --mask FILE, or --mask "ellipse 120,80 40,30" (docs/masks.md)')


def _stored_mask(
    args: argparse.Namespace, recipe: "Recipe", picture: "Picture", read: MaskReader
) -> "tuple[Mask, str | None]":
    from retouch.canvas import size_of
    from retouch.recipe_mask import embedded_mask

    fact = recipe.mask
    assert fact is not None
    if fact.expression is not None:  # exact, while the stored mask has 8 bits
        try:
            return read(fact.expression, picture, fit=args.fit_mask, invert=args.invert_mask)
        except PictureError:
            if fact.png is None:
                raise
    mask = embedded_mask(fact)
    if mask is not None and size_of(mask) == picture.size:
        return mask, fact.expression
    if fact.file is not None and Path(fact.file).exists():
        return read(fact.file, picture, fit=args.fit_mask, invert=args.invert_mask)
    raise PictureError("the recipe's mask does not fit this picture; give one with --mask")


def mask_file_of(args: argparse.Namespace) -> str | None:
    """Name of the mask file for the recipe, None for an expression."""
    from retouch.mask_text import is_file

    return Path(args.mask).name if args.mask is not None and is_file(args.mask) else None
