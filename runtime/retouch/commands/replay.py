"""`retouch replay`: make a picture again from its recipe and say how far the two are apart."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from retouch.commands._masks import mask_for
from retouch.commands._options import add_engine_options
from retouch.commands._progress import Narrator
from retouch.commands._run import open_engine, read_picture
from retouch_models.errors import GenerationError, ProviderError, UsageError

if TYPE_CHECKING:
    from retouch.compare import Difference
    from retouch.pipeline import Inpainter
    from retouch.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", metavar="RESULT", help="a picture that carries a recipe")
    parser.add_argument("--from", dest="source", metavar="PICTURE", help="the picture it was made from")
    parser.add_argument("--output", "-o", metavar="FILE", help="keep the new picture")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines on stderr, the report as JSON")
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress")
    parser.add_argument("--at-least", type=float, metavar="DB", help="exit 7 when the PSNR is lower")
    add_engine_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the difference to stdout."""
    from retouch.commands._recipes import mask_of, model_of, recipe_of
    from retouch.compare import difference
    from retouch.image_io import ensure_writable, load_picture, save_picture
    from retouch.replaying import Replay, source_of

    if args.output is not None:
        ensure_writable(Path(args.output), args.force)
    narrator = Narrator(as_json=args.json, quiet=args.quiet)
    args.recipe, args.mask, args.fit_mask, args.invert_mask = args.picture, None, False, False
    recipe = recipe_of(args)
    if recipe is None:
        raise UsageError("replay needs a picture that carries a recipe")
    for text in recipe.unmapped:
        narrator.note(f"the recipe says {text}, which has no counterpart here")
    args.model = model_of(args, recipe)
    made = load_picture(Path(args.picture))
    source = source_of(recipe) if args.source is None else read_picture(args.source)
    if source is None:
        raise UsageError("say what the picture was made from: --from PICTURE")
    engine = _engine(args, recipe, narrator)
    try:
        if recipe.model is not None and recipe.model.hash not in (None, engine.bundle.digest):
            narrator.note(f"the model differs: the recipe has {recipe.model.hash}, here it is {engine.bundle.digest}")
        rerun = Replay(
            engine=engine, mask_of=lambda one, base: mask_of(args, one, base, mask_for)[0], on_progress=narrator
        )
        again = rerun(recipe, source)
    finally:
        engine.close()
    if made.size != again.size:
        raise UsageError(f"the result is {made.size} and the source {again.size}; give the picture it was made from")
    if args.output is not None:
        save_picture(Path(args.output), again.pixels, like=again, alpha=again.alpha, force=args.force)
    _report(args, difference(made.pixels, again.pixels))
    return 0


def _engine(args: argparse.Namespace, recipe: "Recipe", narrator: Narrator) -> "Inpainter":
    """Open the model on the device that the recipe names, if the user names none: others round otherwise."""
    if args.provider == "auto" and recipe.provider is not None:
        try:
            return open_engine(argparse.Namespace(**{**vars(args), "provider": recipe.provider}))
        except (ProviderError, UsageError) as error:
            narrator.note(f"the picture was made on {recipe.provider}, which is not to be had here: {error}")
    return open_engine(args)


def _report(args: argparse.Namespace, apart: "Difference") -> None:
    """Print the difference; GenerationError when it is larger than was asked for."""
    if args.json:
        keys = ("psnr_db", "largest", "pixels")
        print(json.dumps({"identical": apart.identical} | {key: getattr(apart, key) for key in keys}))  # noqa: T201
    elif apart.identical:
        print("identical, byte for byte")  # noqa: T201
    else:
        print(f"PSNR {apart.psnr_db:.1f} dB, {apart.pixels} pixels differ, at most by {apart.largest}")  # noqa: T201
    if args.at_least is not None and apart.psnr_db is not None and apart.psnr_db < args.at_least:
        raise GenerationError(f"the PSNR is {apart.psnr_db:.1f} dB, below the {args.at_least:g} asked for")
