"""`retouch inpaint`: repaint the masked part of a picture."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from retouch.commands._masks import add_mask_options, mask_for
from retouch.commands._options import (
    add_area_options,
    add_engine_options,
    add_output_options,
    add_picture_options,
    add_prompt_options,
    add_sampling_options,
    require_positive,
)
from retouch.commands._progress import Narrator
from retouch.commands._run import (
    MOST_CANDIDATES,
    check_outputs,
    drawn_seed,
    open_engine,
    output_paths,
    read_picture,
    run_candidates,
    with_drafts,
)
from retouch.commands._strokes import add_stroke_options, strokes_of

if TYPE_CHECKING:
    from retouch.request import InpaintRequest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", metavar="PICTURE", help="any picture of any size; - is standard input")
    add_mask_options(parser, required=False)
    add_picture_options(parser)
    add_prompt_options(parser)
    add_engine_options(parser)
    add_sampling_options(parser)
    add_area_options(parser)
    add_stroke_options(parser)
    add_output_options(parser)
    parser.add_argument("--recipe", metavar="FILE", help="take prompt, options and mask from a picture made earlier")
    parser.add_argument(
        "--dry-run", "--plan", action="store_true", help="say what would be done, and what it would cost; run nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from retouch.commands._recipes import mask_file_of, mask_of, model_of, recipe_of, recipe_texts, request_of

    require_positive("count", args.count, MOST_CANDIDATES)
    narrator = Narrator(as_json=args.json, quiet=args.quiet)
    recipe = recipe_of(args)
    args.model = model_of(args, recipe)
    request = seeded(request_of(args, recipe, narrator), args)
    paths = output_paths(args.output, args.picture, args.count)
    if not args.dry_run:
        check_outputs(paths, force=args.force)
    picture = read_picture(args.picture, frame=args.frame, max_megapixels=args.max_megapixels)
    for note in picture.notes:
        narrator.note(note)
    mask, expression = mask_of(args, recipe, picture, mask_for)
    strokes = strokes_of(args, picture.size)
    engine = open_engine(args)
    try:
        request = with_drafts(request, args, engine)
        if args.dry_run:
            from retouch.commands._plan import print_plan

            print_plan(engine, mask, request, expression, args.count, as_json=args.json)
            return 0
        run_candidates(
            engine,
            picture,
            mask,
            request,
            paths,
            narrator,
            lambda edit: recipe_texts(
                engine, edit, picture, mask, expression, mask_file=mask_file_of(args), strokes=strokes
            ),
            force=args.force,
            strokes=strokes,
        )
    finally:
        engine.close()
    return 0


def seeded(request: "InpaintRequest", args: argparse.Namespace) -> "InpaintRequest":
    """Draw a seed where neither the command line nor a recipe names one."""
    if args.seed is None and getattr(args, "recipe", None) is None:
        return replace(request, seed=drawn_seed())
    return request
