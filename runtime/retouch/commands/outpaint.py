"""`retouch outpaint`: grow a picture and paint the new space."""

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from retouch.commands._options import (
    add_area_options,
    add_engine_options,
    add_output_options,
    add_prompt_options,
    add_sampling_options,
    require_positive,
    whole,
)
from retouch.commands._progress import Narrator
from retouch.commands._run import (
    MOST_CANDIDATES,
    check_outputs,
    drawn_seed,
    open_engine,
    output_paths,
    read_picture,
    write_candidates,
)
from retouch_models.errors import UsageError
from retouch_models.registry import module_names

if TYPE_CHECKING:
    from retouch.geometry import Size
    from retouch.recipe import Recipe
    from retouch.request import InpaintRequest
    from retouch.resize import Margins

SIDES = ("left", "top", "right", "bottom")
FILL = "edge"
BLEND = "poisson"
"""New space is large, and models drift in colour there: the membrane takes that away, a fade only hides its edge."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", metavar="PICTURE", help="any picture of any size; - is standard input")
    group = parser.add_argument_group("new space")
    for side in SIDES:
        group.add_argument(f"--{side}", metavar="PX|%", help=f"how much to add on the {side}, as in 128 or 25%%")
    group.add_argument(
        "--overlap", type=whole, metavar="PX", help="how far the new fades into the old; 0 keeps every old pixel"
    )
    add_prompt_options(parser)
    add_engine_options(parser)
    add_sampling_options(parser)
    add_area_options(parser)
    add_output_options(parser)
    parser.add_argument("--recipe", metavar="FILE", help="take prompt and options from a picture made earlier")
    parser.add_argument(
        "--dry-run", "--plan", action="store_true", help="say which strips would be painted; run nothing"
    )


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from retouch.commands._recipes import recipe_of, recipe_texts
    from retouch.outpaint import automatic_overlap, outpaint, ring
    from retouch.recipe import OutpaintFact
    from retouch.resize import Margins

    require_positive("count", args.count, MOST_CANDIDATES)
    if args.area is not None or args.regions is not None:
        raise UsageError("outpaint chooses what the model sees itself; leave --area and --regions out")
    narrator = Narrator(as_json=args.json, quiet=args.quiet)
    recipe = recipe_of(args)
    request, fill = _request_and_fill(args, recipe, narrator)
    paths = output_paths(args.output, args.picture, args.count)
    if not args.dry_run:
        check_outputs(paths, force=args.force)
    picture = read_picture(args.picture)
    for note in picture.notes:
        narrator.note(note)
    margins = Margins.of(picture.size, **{side: getattr(args, side) or 0 for side in SIDES})
    if args.dry_run:
        return _print_plan(args, picture.size, margins)
    engine = open_engine(args)
    overlap = automatic_overlap(engine.manifest.size.native) if args.overlap is None else args.overlap
    fact = OutpaintFact(**{side: getattr(margins, side) for side in SIDES}, overlap=overlap, fill=fill)
    try:
        write_candidates(
            lambda one: outpaint(engine, picture, margins, one, narrator, overlap=overlap, fill=fill),
            request,
            paths,
            narrator,
            lambda edit: recipe_texts(
                engine, edit, picture, ring(picture.size, margins, overlap), None, command="outpaint", outpaint=fact
            ),
            force=args.force,
        )
    finally:
        engine.close()
    return 0


def _request_and_fill(
    args: argparse.Namespace, recipe: "Recipe | None", narrator: Narrator
) -> "tuple[InpaintRequest, str]":
    """The request, and what stands in new space before it is painted; latent contents stay in the request."""
    from retouch.commands._recipes import request_of

    request = request_of(args, recipe, narrator)
    if recipe is None:
        seed = drawn_seed() if args.seed is None else args.seed
        request = replace(request, seed=seed, blend=BLEND if args.blend is None else args.blend)
    if request.content not in module_names("retouch.content"):
        return request, FILL
    fill = FILL if request.content == "original" else request.content
    return replace(request, content="original"), fill


def _print_plan(args: argparse.Namespace, old: "Size", margins: "Margins") -> int:
    """Print the new size and every strip, as lines or as JSON."""
    from retouch.outpaint import check_margins
    from retouch.strips import strips
    from retouch_models.store import find_bundle

    check_margins(margins)
    plan = strips(old, margins, find_bundle(args.model).manifest.size.native)
    size = [old.width + margins.left + margins.right, old.height + margins.top + margins.bottom]
    if args.json:
        found = [{"new": list(strip.new), "window": list(strip.window)} for strip in plan]
        print(json.dumps({"size": size, "strips": found}))  # noqa: T201
        return 0
    lines = [f"strip {number}: paints {s.new}, shown {s.window}" for number, s in enumerate(plan, start=1)]
    print("\n".join([f"{old} becomes {size[0]}x{size[1]} in {len(plan)} runs", *lines]))  # noqa: T201
    return 0
