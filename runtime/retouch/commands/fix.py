"""`retouch fix`: work through a list of regions, each with its own mask and prompt."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from retouch.commands._options import add_engine_options, add_output_options
from retouch.commands._progress import Narrator
from retouch_models.errors import UsageError

if TYPE_CHECKING:
    from retouch.fix_run import Candidate, Fixed, FixRun
    from retouch.picture import Picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", metavar="PICTURE", help="any picture of any size; - is standard input")
    parser.add_argument("list", metavar="LIST.toml", help="the regions, in their order (docs/fix-lists.md)")
    group = parser.add_argument_group("choices, kept for the next run")
    group.add_argument("--take", action="append", default=[], metavar="N=M", help="go on from candidate M of region N")
    group.add_argument("--retry", action="append", default=[], metavar="N", help="make region N anew, with new seeds")
    group.add_argument("--skip", action="append", default=[], metavar="N", help="leave region N as it is")
    add_engine_options(parser)
    add_output_options(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from retouch.commands._recipes import recipe_texts
    from retouch.commands._run import check_outputs, open_engine, output_paths, read_picture
    from retouch.fix_list import load_fix_list
    from retouch.fix_run import FixRun

    narrator = Narrator(as_json=args.json, quiet=args.quiet)
    if args.output == "-":
        raise UsageError("fix keeps its candidates beside the output; name a file with --output")
    (path,) = output_paths(args.output, args.picture, 1)
    assert path is not None
    check_outputs([path], force=args.force)
    fixes = load_fix_list(Path(args.list))
    picture = read_picture(args.picture)
    for note in picture.notes:
        narrator.note(note)
    engine = open_engine(args)
    try:
        work = FixRun(
            engine=engine,
            picture=picture,
            fixes=fixes,
            folder=path.with_name(f"{path.stem}.fix"),
            texts=lambda edit, base, mask, expression: recipe_texts(engine, edit, base, mask, expression),
        )
        _choose(work, args)
        narrator.begin()
        fixed = work.run(narrator, lambda candidate: _tell(narrator, candidate))
        _save(picture, fixed, path, narrator, force=args.force)
    finally:
        engine.close()
    return 0


def _choose(work: "FixRun", args: argparse.Namespace) -> None:
    for text in args.take:
        number, _, candidate = text.partition("=")
        work.take(_number("take", number), _number("take", candidate))
    for text in args.retry:
        work.retry(_number("retry", text))
    for text in args.skip:
        work.skip(_number("skip", text))


def _number(option: str, text: str) -> int:
    if not text.strip().isdecimal():
        form = "N=M, as in --take 2=3" if option == "take" else f"the number of a region, as in --{option} 2"
        raise UsageError(f"--{option} needs {form}")
    return int(text)


def _tell(narrator: Narrator, candidate: "Candidate") -> None:
    facts = {
        "region": candidate.region.number,
        "candidate": candidate.number,
        "seed": candidate.seed,
        "taken": candidate.taken,
    }
    if candidate.proof is None:
        narrator.info(f"{candidate.region.title}, candidate {candidate.number}: made before, {candidate.path}", **facts)
        return
    proof = candidate.proof
    seam = f"{proof.seam_before:.1f} -> {proof.seam_after:.1f}"
    narrator.finish(
        str(candidate.path), **facts, bytes_changed_outside=proof.bytes_changed_outside, seam=seam, blend=proof.blend
    )
    narrator.begin()


def _save(picture: "Picture", fixed: "Fixed", path: Path, narrator: Narrator, *, force: bool) -> None:
    from retouch.fix_run import fixed_recipe
    from retouch.image_io import save_picture
    from retouch.recipe_text import recipe_texts as texts

    if not fixed.steps:
        narrator.note("every region is skipped: the picture stays as it is")
    text = texts(fixed_recipe(fixed, picture)) if fixed.steps else None
    done = fixed.picture
    for note in save_picture(path, done.pixels, like=done, alpha=done.alpha, text=text, force=force):
        narrator.note(note)
    print(path, flush=True)  # noqa: T201
