"""What `generate` and `img2img` share: a whole picture is painted, for one or more candidates."""

import argparse
from dataclasses import dataclass, replace

from retouch.commands._options import require_positive
from retouch.commands._progress import Narrator
from retouch.commands._recipes import recipe_of, recipe_texts, request_of
from retouch.commands._run import (
    MOST_CANDIDATES,
    check_outputs,
    drawn_seed,
    open_engine,
    output_paths,
    with_drafts,
    write_candidates,
)
from retouch.commands._strokes import strokes_of
from retouch.picture import Picture
from retouch.whole_picture import all_of, image_to_image


@dataclass(frozen=True, eq=False)
class Job:
    """A whole picture to paint."""

    command: str
    picture: Picture
    source: str
    """What the output is named after when no name is given."""
    default_strength: float


def run_job(args: argparse.Namespace, job: Job) -> int:
    """Paint, save and print the candidates; returns the exit code."""
    require_positive("count", args.count, MOST_CANDIDATES)
    narrator = Narrator(as_json=args.json, quiet=args.quiet)
    recipe = recipe_of(args)
    request = request_of(args, recipe, narrator)
    if recipe is None:
        seed = drawn_seed() if args.seed is None else args.seed
        strength = job.default_strength if args.strength is None else args.strength
        request = replace(request, seed=seed, strength=strength)
    request = replace(request, area="picture", work_size=None)
    paths = output_paths(args.output, job.source, args.count)
    check_outputs(paths, force=args.force)
    for note in job.picture.notes:
        narrator.note(note)
    strokes = strokes_of(args, job.picture.size)
    engine = open_engine(args)
    try:
        request = with_drafts(request, args, engine)
        write_candidates(
            lambda one: image_to_image(engine, job.picture, one, narrator, strokes=strokes),
            request,
            paths,
            narrator,
            lambda edit: recipe_texts(
                engine, edit, job.picture, all_of(job.picture.size), "all", command=job.command, strokes=strokes
            ),
            force=args.force,
        )
    finally:
        engine.close()
    return 0
