"""`retouch batch`: repaint a folder of pictures with one open model."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from retouch.commands._options import (
    add_area_options,
    add_engine_options,
    add_prompt_options,
    add_sampling_options,
    require_positive,
)
from retouch.commands._progress import Narrator
from retouch.commands._run import MOST_CANDIDATES, drawn_seed, open_engine, read_picture, with_drafts
from retouch_models.errors import GenerationError, OutputError

if TYPE_CHECKING:
    from retouch.batch import Entry, Job, Made, Paint
    from retouch.pipeline import Inpainter
    from retouch.request import InpaintRequest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("pictures", metavar="FOLDER", help="the pictures; other files in it are ignored")
    parser.add_argument(
        "--masks",
        required=True,
        metavar="FOLDER|FILE|EXPRESSION",
        help='files with the same names, or one mask for all, as in "alpha" or "rect 0,0 100%%x10%%"',
    )
    parser.add_argument("--fit-mask", action="store_true", help="resize mask files that have another size")
    parser.add_argument("--invert-mask", action="store_true", help="repaint what the masks leave out")
    add_prompt_options(parser)
    add_engine_options(parser)
    add_sampling_options(parser)
    add_area_options(parser)
    group = parser.add_argument_group("output")
    group.add_argument("--output", "-o", required=True, metavar="FOLDER", help="for the PNGs and report.jsonl")
    group.add_argument("--force", action="store_true", help="repaint finished ones too; without it they are skipped")
    group.add_argument("--json", action="store_true", help="progress as JSON lines on stderr")
    group.add_argument("--quiet", "-q", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    """Do it; exit code 7 when a picture failed."""
    from retouch.batch import REPORT, append_line, jobs_of, run_batch
    from retouch.commands._recipes import request_of

    require_positive("count", args.count, MOST_CANDIDATES)
    narrator = Narrator(as_json=args.json, quiet=args.quiet)
    request = request_of(args, None, narrator)
    if args.seed is None:
        request = replace(request, seed=drawn_seed())
    folder = _folder(Path(args.output))
    jobs = jobs_of(Path(args.pictures), args.masks, folder, args.count)
    engine = open_engine(args)
    failed = 0
    try:
        request = with_drafts(request, args, engine)
        request.resolved(engine.manifest)
        for entry in run_batch(jobs, _painter(engine, request, args, narrator), again=args.force):
            append_line(folder / REPORT, entry)
            failed += entry.state == "failed"
            _tell(narrator, entry)
    finally:
        engine.close()
    if failed:
        raise GenerationError(f"{failed} of {len(jobs)} pictures failed; see {folder / REPORT}, then run it again")
    return 0


def _painter(engine: "Inpainter", request: "InpaintRequest", args: argparse.Namespace, narrator: Narrator) -> "Paint":
    """Repaint one picture, all its candidates."""
    from retouch.batch import Made
    from retouch.commands._masks import mask_for
    from retouch.commands._recipes import recipe_texts
    from retouch.edit import repaint
    from retouch.image_io import save_picture

    def paint(job: "Job") -> "Sequence[Made]":
        narrator.begin()
        picture = read_picture(str(job.picture))
        mask, expression = mask_for(str(job.mask), picture, fit=args.fit_mask, invert=args.invert_mask)
        file = None if expression is not None else Path(str(job.mask)).name
        made = []
        for offset, path in enumerate(job.outputs):
            one = replace(request, seed=(request.seed + offset * request.best_of) % 2**64)
            edit = repaint(engine, picture, mask, one, narrator)
            texts = recipe_texts(engine, edit, picture, mask, expression, mask_file=file, command="batch")
            save_picture(path, edit.picture.pixels, like=edit.picture, alpha=edit.picture.alpha, text=texts, force=True)
            made.append(Made(output=str(path), seed=edit.result.request.seed, proof=edit.result.proof))
        return made

    return paint


def _tell(narrator: Narrator, entry: "Entry") -> None:
    if entry.state == "failed":
        narrator.note(f"{entry.picture} failed: {entry.error}")
    elif entry.state == "skipped":
        narrator.info(f"{entry.picture}: finished before, skipped", picture=entry.picture)
    else:
        changed = sum(proof.bytes_changed_outside for proof in entry.proofs)
        narrator.finish(entry.outputs[0], picture=entry.picture, seed=entry.seeds[0], bytes_changed_outside=changed)
        for path in entry.outputs:
            print(path, flush=True)  # noqa: T201


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made ({error.strerror}); choose another with --output") from None
    return path
